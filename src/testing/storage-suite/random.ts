import { RandomOperations } from './model/random-operations.ts'
import type { Suite } from './suite.ts'

const operationsPerRun = 120

/** Whatever is done in whatever order, the storage holds what a plain reference model holds. */
export function randomTests({ describe, test, randomRuns, seed }: Suite): void {
  describe('random operations, beside a reference model', () => {
    for (let run = 0; run < randomRuns; run += 1) {
      const runSeed = seed + run
      test(`agree in sequence ${runSeed}`, async (kit) => {
        const operations = new RandomOperations(kit, runSeed)
        try {
          await operations.run(operationsPerRun)
        } catch (error) {
          const story = operations.story.slice(-40).join('\n  ')
          const reason = error instanceof Error ? error.message : String(error)
          throw new Error(`With seed ${runSeed}: ${reason}\nThe last steps were\n  ${story}`, {
            cause: error,
          })
        }
      })
    }
  })
}
