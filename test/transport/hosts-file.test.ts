import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createAddressGuard } from '../../src/index.ts'
import { createHostsFile } from '../../src/transport/hosts-file.ts'
import { createResolver } from '../../src/transport/resolver.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hosts-'))
  path = join(folder, 'hosts')
})

afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

/** A resolver with this hosts file, and a name server that nobody is. */
function resolverOver(text: string) {
  writeFileSync(path, text)
  return createResolver(['127.0.0.1:9'], createHostsFile(path))
}

test('names of the hosts file are found without a name server, with all their addresses', async () => {
  const lookup = resolverOver(
    '# the office\n10.20.0.5\thooks.office.example Hooks  # and more\r\n' +
      'fd00::5 hooks.office.example.\n10.20.0.6 other.example\nnonsense\n',
  )
  expect(await lookup('hooks.office.example')).toEqual(['10.20.0.5', 'fd00::5'])
  expect(await lookup('hooks')).toEqual(['10.20.0.5'])
  expect(await lookup('other.example')).toEqual(['10.20.0.6'])
  await expect(lookup('and')).rejects.toMatchObject({ code: 'dns_failed' })
})

test('a line without an address gives none', async () => {
  const lookup = resolverOver('not-an-address name.example\n1.1.1.1 name.example\n')
  expect(await lookup('name.example')).toEqual(['1.1.1.1'])
})

test('a missing file is an empty one', async () => {
  expect(await createHostsFile(join(folder, 'none'))('name.example')).toEqual([])
})

test('a change is seen a second later, and the file is not read for every name', async () => {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  writeFileSync(path, '10.0.0.1 name.example\n')
  const hosts = createHostsFile(path)
  expect(await hosts('name.example')).toEqual(['10.0.0.1'])
  writeFileSync(path, '10.0.0.2 name.example\n')
  utimesSync(path, new Date(0), new Date(1_000))
  now = 999
  expect(await hosts('name.example')).toEqual(['10.0.0.1'])
  now = 1_000
  expect(await hosts('name.example')).toEqual(['10.0.0.2'])
  rmSync(path)
  now = 2_000
  expect(await hosts('name.example')).toEqual([])
})

test('what it says is judged like any answer', async () => {
  const lookup = resolverOver('10.20.0.5 hooks.office.example\n')
  const url = 'http://hooks.office.example/'
  expect(await createAddressGuard({ lookup }).check(url)).toMatchObject({
    allowed: false,
    reason: '"hooks.office.example" is not public: private network (10.0.0.0/8)',
  })
  const guard = createAddressGuard({ lookup, allow: ['10.20.0.0/16'] })
  expect(await guard.check(url)).toMatchObject({ allowed: true, addresses: ['10.20.0.5'] })
})
