import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'

const root = new URL('../../', import.meta.url).pathname
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function makeFolder(files: Record<string, string | Uint8Array>): string {
  const folder = mkdtempSync(join(tmpdir(), 'quickstart-'))
  folders.push(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

function quickstart(...args: string[]): Promise<{ code: number; output: string; lines: string[] }> {
  const script = join(root, 'examples/quickstart.ts')
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], (_error, stdout, stderr) => {
      const output = stdout + stderr
      resolve({ code: child.exitCode ?? -1, output, lines: output.split('\n') })
    })
  })
}

test('the documents that ship with it are delivered, the failing receiver included', async () => {
  const { code, output, lines } = await quickstart()
  expect({ code, output }).toMatchObject({ code: 0 })
  const log = lines.filter((line) => line.endsWith('ms') || / succeeded +\d+$/.test(line))
  expect(log).toHaveLength(1 + 15)
  expect(log.filter((line) => line.startsWith('search-index'))).toHaveLength(5)
  expect(log.filter((line) => line.includes('3 (503, 503, 204)'))).toHaveLength(1)
  expect(log.filter((line) => line.includes('1 (204)'))).toHaveLength(14)
  expect(log.join('\n')).toMatch(/document\.processed +kurzanleitung\.md/)
  expect(output).toContain('15 of 15 deliveries succeeded')
  expect(output).toContain('17 requests verified by the standardwebhooks package, 0 refused')
  expect(output).toMatch(/kurzanleitung\.md .* language de,/)
  expect(lines.filter((line) => line.length > 100)).toEqual([])
  expect(output).not.toMatch(/warning/i)
})

test('a folder of your own: what cannot be read is passed over with a note', async () => {
  const folder = makeFolder({
    'notes.txt': 'Two words',
    'empty.md': '',
    'image.png': new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 0xff]),
    'odd \u001b[31mname.txt': 'hello',
  })
  mkdirSync(join(folder, 'folder'))
  symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling.txt'))
  const { code, output } = await quickstart(folder)
  expect({ code, output }).toMatchObject({ code: 0 })
  expect(output).toContain('image.png: skipped, it is not a text in UTF-8')
  expect(output).toContain('dangling.txt: skipped, it cannot be read (ENOENT)')
  expect(output).toMatch(/notes\.txt +9 bytes, 2 words/)
  expect(output).toContain('9 of 9 deliveries succeeded')
  expect(output).not.toContain('\u001b[31m')
})

test.each([
  ['a missing folder', () => '/nonexistent/documents', 'cannot be read (ENOENT)'],
  ['a file', () => join(root, 'package.json'), 'cannot be read (ENOTDIR)'],
  ['an empty folder', () => makeFolder({}), 'There is no text file in'],
  ['a folder without texts', () => makeFolder({ 'a.bin': '\0' }), 'There is no text file in'],
])('%s ends it with a message and no stack', async (_what, folder, message) => {
  const { code, output } = await quickstart(folder())
  expect(code).toBe(1)
  expect(output).toContain(message)
  expect(output).not.toContain('    at ')
})
