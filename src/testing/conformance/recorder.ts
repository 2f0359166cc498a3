import { type ConformanceChapter, type ConformanceReport, formatReport } from './report.ts'

/** What every suite takes: the runner, and who is told of the outcome. */
export interface RunnerOptions {
  /** Groups tests: `describe` of vitest, node:test, jest or mocha. */
  describe: (name: string, body: () => void) => void
  /** Declares a test: `test` or `it` of the same runner. */
  test: (name: string, body: () => Promise<void>) => void
  /**
   * Takes the report, made by the last test of the suite. Default: its table is printed. A runner
   * that shuffles the tests makes it too early; one that filters them by name may make none.
   */
  onReport?: (report: ConformanceReport) => void
}

/** How a test ended; a runner that repeats it has the last word. */
interface Recorded {
  outcome: 'passed' | 'failed' | 'notRun'
}

interface Chapter {
  name: string
  missing: readonly string[]
  tests: Recorded[]
}

/** Stands between a suite and its runner, and notes how the tests end. */
export class Recorder {
  readonly #title: string
  readonly #runner: RunnerOptions
  readonly #chapters = new Map<string, Chapter>()
  #current: Chapter | null = null

  constructor(title: string, runner: RunnerOptions) {
    this.#title = title
    this.#runner = runner
  }

  /** Declares a chapter; where capabilities are missing, its tests are counted and not declared. */
  chapter(name: string, missing: readonly string[], body: () => void): void {
    const chapter = this.#chapters.get(name) ?? { name, missing, tests: [] }
    this.#chapters.set(name, chapter)
    const declare = () => {
      this.#current = chapter
      body()
    }
    // A runner may call the body later: the chapter is then entered again.
    if (missing.length > 0) declare()
    else this.#runner.describe(name, declare)
  }

  test(name: string, body: () => Promise<void>): void {
    const chapter = this.#current
    if (chapter === null) throw new Error(`The test “${name}” stands in no chapter`)
    const recorded: Recorded = { outcome: 'notRun' }
    chapter.tests.push(recorded)
    if (chapter.missing.length > 0) return
    this.#runner.test(name, async () => {
      // Until it has ended: one that hangs has failed.
      recorded.outcome = 'failed'
      await body()
      recorded.outcome = 'passed'
    })
  }

  /** Declares the last test, which makes the report. */
  reportAtEnd(): void {
    const { describe, test, onReport = print } = this.#runner
    describe('conformance', () => {
      test('report', async () => {
        const chapters = [...this.#chapters.values()].map(summarize)
        onReport({ chapters, text: formatReport(this.#title, chapters) })
      })
    })
  }
}

function summarize({ name, missing, tests }: Chapter): ConformanceChapter {
  const count = (wanted: Recorded['outcome']) =>
    tests.filter(({ outcome }) => outcome === wanted).length
  const [passed, failed, notRun] = [count('passed'), count('failed'), count('notRun')]
  return { name, passed, failed, notRun, missing }
}

function print({ text }: ConformanceReport): void {
  console.log(`\n${text}\n`)
}
