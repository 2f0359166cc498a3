import assert from 'node:assert/strict'
import { burstRuns, type Suite } from './suite.ts'

/** Hints after which a broker that is back should have been used again. */
const mostHints = 50

/** What several processes have from one broker, and what none of them loses with it. */
export function processTests(suite: Suite): void {
  sharingTests(suite.needing('shared'))
  faultTests(suite.needing('broker'))
  mendingTests(suite.needing('broker', 'shared'))
}

function sharingTests({ describe, test }: Suite): void {
  describe('several processes', () => {
    test('what one that never starts is told of, another does at once', async (kit) => {
      const worker = kit.another()
      await kit.start(worker)
      for (let round = 0; round < 3; round += 1) {
        await kit.taken(kit.addAndNotify(), 'nobody was woken')
      }
    })

    test('what one that is full is told of, another does at once', async (kit) => {
      const worker = kit.another()
      await kit.start()
      await kit.start(worker)
      kit.here.work.isFull = true
      for (let round = 0; round < 3; round += 1) {
        await kit.taken(kit.addAndNotify(), 'nobody was woken')
      }
    })

    test('what one has planned, another does when the first is gone', async (kit) => {
      const [planner, worker] = [kit.another(), kit.another()]
      await kit.start(worker)
      const task = kit.add(kit.delayMs * 2)
      // Its first run tells it.
      await kit.start(planner)
      await kit.stop(planner)
      await kit.taken(task, 'what was planned went with the one who planned it')
    })

    test('what is due later is done then, also by one who was not told', async (kit) => {
      const worker = kit.another()
      await kit.start(worker)
      await kit.taken(kit.addAndNotify(kit.delayMs), 'nobody was woken')
    })

    test('one that stops leaves the others to work', async (kit) => {
      const [leaver, worker] = [kit.another(), kit.another()]
      await kit.start(leaver)
      await kit.start(worker)
      await kit.stop(leaver)
      for (let round = 0; round < 3; round += 1) {
        await kit.taken(kit.addAndNotify(), 'nobody was woken')
      }
    })

    test('thousands of notifications lead to few runs', async (kit) => {
      const worker = kit.another()
      await kit.start(worker)
      for (let count = 0; count < 5_000; count += 1) {
        kit.here.scheduler.notify(kit.in(0))
        if (count % 50 === 0) await kit.pass(1)
      }
      await kit.taken(kit.addAndNotify(), 'the last one of many woke nobody')
      assert.ok(worker.work.runs <= burstRuns, `they led to ${worker.work.runs} runs`)
    })
  })
}

function faultTests({ describe, test, testOfLooking }: Suite): void {
  describe('a broker that fails', () => {
    test('before the start: this process works by itself', async (kit) => {
      await kit.fixture.cut?.()
      await kit.start()
      await kit.taken(kit.addAndNotify(), 'the work waited for the broker')
      await kit.taken(kit.addAndNotify(kit.delayMs), 'the work waited for the broker')
    })

    test('in the middle: this process works by itself', async (kit) => {
      await kit.start()
      await kit.fixture.cut?.()
      for (const inMs of [0, kit.delayMs, 0]) {
        await kit.taken(kit.addAndNotify(inMs), 'the work waited for the broker')
      }
    })

    test('is reported', async (kit) => {
      await kit.start()
      await kit.fixture.cut?.()
      kit.addAndNotify(kit.delayMs)
      await kit.until(() => kit.here.work.complaints.length > 0, 'the logger was told nothing')
      const reports = kit.here.work.complaints.length
      assert.ok(reports <= 10, `the logger was told ${reports} times`)
    })

    test('keeps nobody from stopping', async (kit) => {
      await kit.start()
      await kit.fixture.cut?.()
      kit.addAndNotify()
      await kit.stop()
    })

    testOfLooking('what it forgot is done when somebody looks', async (kit) => {
      const task = kit.add(kit.delayMs)
      await kit.start()
      await kit.fixture.forget?.()
      await kit.taken(task, 'it was lost', kit.delayMs + kit.longestSleepMs)
      await kit.taken(kit.addAndNotify(), 'nothing works any more')
    })
  })
}

function mendingTests({ describe, test }: Suite): void {
  describe('a broker that is back', () => {
    for (const [name, harm] of [
      ['after it was gone', ['cut', 'mend']],
      ['after it forgot everything', ['forget']],
    ] as const) {
      test(`${name}: what one process is told of, another does at once`, async (kit) => {
        const worker = kit.another()
        await kit.start(worker)
        await kit.taken(kit.addAndNotify(), 'nobody was woken at first')
        for (const step of harm) {
          await kit.fixture[step]?.()
          kit.here.scheduler.notify(kit.in(0))
          await kit.pass(kit.delayMs)
        }
        const task = kit.add()
        // It may need its time to notice; a hint that comes before that is lost.
        for (let hints = 0; task.takenAt === null && hints < mostHints; hints += 1) {
          kit.here.scheduler.notify(kit.in(0))
          await kit.pass(kit.delayMs / 5)
        }
        await kit.taken(task, 'nobody is woken any more')
      })
    }
  })
}
