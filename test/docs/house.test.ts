/** The rules of the house (ARCHITECTURE.md): who may import whom, and how long a file may be. */
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { root } from './markdown.ts'

const files = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
  .map((path) => posix.join('src', path.replaceAll('\\', '/')))
  .filter((path) => /\.tsx?$/.test(path))

/** What a file imports: paths in the repository, and names of modules. Types count. */
const importsOf = new Map(
  files.map((file) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(`${root}${file}`, 'utf8'))
    const imports = importedFiles.map(({ fileName }) =>
      fileName.startsWith('.') ? posix.join(posix.dirname(file), fileName) : fileName,
    )
    return [file, imports] as const
  }),
)

/** Imports that a rule forbids, written so that a failure explains itself. */
function findImports(from: string, isForbidden: (target: string, file: string) => boolean) {
  return [...importsOf].flatMap(([file, imports]) =>
    file.startsWith(from)
      ? imports
          .filter((target) => isForbidden(target, file))
          .map((target) => `${file} imports ${target}`)
      : [],
  )
}

const contracts = [
  'src/storage/records.ts',
  'src/storage/storage.ts',
  'src/transport/transport.ts',
  'src/scheduling/scheduler.ts',
]
/** What several adapters are made of; no adapter of its own. */
const sharedByAdapters = [
  'src/storage/recent-records.ts',
  'src/scheduling/run-loop.ts',
  'src/scheduling/broker/broker.ts',
  'src/scheduling/broker/scheduler.ts',
]
const isOurs = (target: string) => target.startsWith('src/')
const isAdapter = (target: string) =>
  /^src\/(storage|transport|scheduling)\//.test(target) && !contracts.includes(target)

test('there is a house', () => {
  expect(files).toContain('src/core/worker/worker.ts')
  expect(importsOf.get('src/core/worker/worker.ts')).toContain('src/core/worker/leases.ts')
  expect(contracts.filter((contract) => !files.includes(contract))).toEqual([])
})

describe('core', () => {
  test('imports contracts and nouns, and no adapter or other part of the house', () => {
    const names = ['src/option-names.ts', 'src/nearest-name.ts']
    const allowed = [...contracts, 'src/model.ts', 'src/errors.ts', 'src/ports.ts', ...names]
    const isForbidden = (target: string) =>
      isOurs(target) && !target.startsWith('src/core/') && !allowed.includes(target)
    expect(findImports('src/core/', isForbidden)).toEqual([])
  })

  test('imports no module of Node but node:crypto', () => {
    const isForbidden = (target: string) => target.startsWith('node:') && target !== 'node:crypto'
    expect(findImports('src/core/', isForbidden)).toEqual([])
  })

  test('takes time and randomness from its ports alone', () => {
    const direct =
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\b|\bset(Timeout|Interval|Immediate)\(/
    const found = files.filter(
      (file) => file.startsWith('src/core/') && direct.test(withoutComments(file)),
    )
    expect(found).toEqual([])
  })
})

test('contracts and nouns import no adapter', () => {
  const nouns = ['src/model.ts', 'src/errors.ts', 'src/ports.ts']
  for (const file of [...contracts, ...nouns]) expect(findImports(file, isAdapter)).toEqual([])
})

test('operations import no adapter', () => {
  expect(findImports('src/operations/', isAdapter)).toEqual([])
})

test('OpenTelemetry, which a host may lack, is imported by its own entry alone', () => {
  const isPart = (path: string) =>
    path.startsWith('@opentelemetry/') || path.startsWith('src/opentelemetry/')
  const importers = [...importsOf].filter(([, imports]) => imports.some(isPart))
  expect(importers.map(([file]) => file).filter((file) => !isPart(file))).toEqual([])
})

test('an adapter imports no other adapter', () => {
  /** `src/storage/memory/`, `src/transport/`, `src/scheduling/polling.ts`. */
  const adapterOf = (path: string) =>
    /^src\/(storage\/[^/]+\/|transport\/|scheduling\/[^/]+)/.exec(path)?.[0]
  const isForbidden = (target: string, file: string) =>
    isAdapter(target) && !sharedByAdapters.includes(target) && adapterOf(target) !== adapterOf(file)
  const found = ['src/storage/', 'src/transport/', 'src/scheduling/'].flatMap((part) =>
    findImports(part, isForbidden),
  )
  expect(found).toEqual([])
})

test('the receiver reaches only files of ours that need nothing but the web platform', () => {
  const reached = new Set(files.filter((file) => file.startsWith('src/receiver/')))
  for (const file of reached) {
    for (const target of importsOf.get(file) ?? []) if (isOurs(target)) reached.add(target)
  }
  const found = [...reached].flatMap((file) => findImports(file, (target) => !isOurs(target)))
  expect(found).toEqual([])
})

test('what of the portal runs in the browser imports Preact, and from outside only types', () => {
  const folder = 'src/management/portal/app/'
  const browser = files.filter((file) => file.startsWith(folder))
  const values = /^(?:import|export) (?!type\b)[^'"]*from '(\.[^']+)'/gm
  const outside = browser.flatMap((file) =>
    [...readFileSync(`${root}${file}`, 'utf8').matchAll(values)]
      .map(([, target = '']) => posix.join(posix.dirname(file), target))
      .filter((target) => !target.startsWith(folder)),
  )
  expect(browser.length).toBeGreaterThan(10)
  expect(outside).toEqual([])
  const isForbidden = (target: string) => !isOurs(target) && !/^preact(\/hooks)?$/.test(target)
  expect(findImports(folder, isForbidden)).toEqual([])
})

test('no file is longer than 350 lines', () => {
  const tooLong = files.filter((file) => linesOf(file) > 350)
  expect(tooLong.map((file) => `${file}: ${linesOf(file)} lines`)).toEqual([])
})

function linesOf(file: string): number {
  return readFileSync(`${root}${file}`, 'utf8').trimEnd().split('\n').length
}

function withoutComments(file: string): string {
  const text = readFileSync(`${root}${file}`, 'utf8')
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
}
