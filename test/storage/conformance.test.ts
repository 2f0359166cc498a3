import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { assemble } from '../../src/storage/memory/assemble.ts'
import { Tables } from '../../src/storage/memory/tables.ts'
import { type ConformanceReport, testStorage } from '../../src/testing/index.ts'

test('the suites run under node:test and print their reports', async () => {
  const file = fileURLToPath(new URL('conformance.node.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--test', '--test-isolation=none', '--test-reporter=tap', file],
    // The outer runner's own settings would make node:test believe that it is a child of its own.
    { env: { PATH: process.env.PATH }, maxBuffer: 2 ** 24 },
  )
  expect(stdout).toContain('late, under a token that has passed on, is dropped whole')
  expect(stdout).toMatch(/# fail 0/)
  expect(stdout).toContain('Conformance of the storage: nothing failed, 6 chapters not proven')
  expect(stdout).toContain('Conformance of the scheduler: nothing failed, 3 chapters not proven')
  expect(stdout).toMatch(/two connections +0 +0 +\d+ +needs reopen/)
})

// What is said about several connections needs a store that several can share; the memory of one
// process is such a store when its tables are handed to two storages.
describe('two storages over one memory', () => {
  let report: ConformanceReport | undefined
  testStorage({
    describe,
    test,
    onReport: (made) => {
      report = made
    },
    createStorage() {
      const tables = new Tables()
      return {
        storage: assemble(tables),
        reopen: async () => assemble(tables),
        close() {},
      }
    },
    capabilities: { reopen: true, loneSurrogates: true },
    batchSize: 100,
    randomRuns: 1,
  })

  test('are reported on, chapter by chapter', () => {
    const chapters = new Map(report?.chapters.map((chapter) => [chapter.name, chapter]))
    const proven = { passed: expect.any(Number), failed: 0, notRun: 0, missing: [] }
    expect(chapters.get('two connections')).toMatchObject(proven)
    const unproven = { passed: 0, failed: 0, missing: ['readRaw'] }
    expect(chapters.get('what is stored')).toMatchObject(unproven)
    expect(report?.text).toMatch(
      /^Conformance of the storage: nothing failed, 4 chapters not proven/,
    )
  })
})

test('a report counts what failed, what hung and what a runner left out', async () => {
  const tests: { name: string; body: () => Promise<void> }[] = []
  const reports: ConformanceReport[] = []
  testStorage({
    describe: (_, body) => body(),
    test: (name, body) => tests.push({ name, body }),
    createStorage() {
      const { insertEvents: _, ...storage } = assemble(new Tables())
      const hangs = () => new Promise<never>(() => {})
      return { storage: { ...storage, insertEvents: hangs }, close() {} }
    },
    onReport: (report) => reports.push(report),
  })
  const run = (wanted: string) => tests.find(({ name }) => name === wanted)?.body()
  void run('an empty list is a no-op')
  await run('a repeated insert changes nothing and shows what stands')
  await run('report')
  const [report] = reports
  const chapters = new Map(report?.chapters.map((chapter) => [chapter.name, chapter]))
  expect(chapters.get('events')).toMatchObject({ passed: 0, failed: 1, missing: [] })
  expect(chapters.get('endpoints')).toMatchObject({ passed: 1, failed: 0 })
  expect(report?.text).toMatch(/: 1 failed, \d+ chapters not proven\n/)
  expect(report?.text).toMatch(/\nevents +0 +1 +[1-9]\d* +left out by the runner\n/)
})
