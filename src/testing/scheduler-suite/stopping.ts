import assert from 'node:assert/strict'
import type { Suite } from './suite.ts'

export function stoppingTests({ describe, test, testOfLooking }: Suite): void {
  describe('stopping', () => {
    testOfLooking('ends all calls, whatever was planned or is asked for', async (kit) => {
      kit.add(kit.delayMs)
      await kit.start()
      kit.addAndNotify(kit.delayMs / 2)
      kit.addAndNotify()
      await kit.stop()
      const runs = await kit.runsWithin(kit.delayMs)
      kit.addAndNotify()
      kit.here.scheduler.notify(kit.in(0), 'here')
      assert.equal(runs + (await kit.runsWithin(kit.longestSleepMs * 2)), 0, 'a call came later')
    })

    test('right after the start ends all calls as well', async (kit) => {
      kit.add()
      await kit.here.scheduler.start(kit.here.work)
      await kit.stop()
      assert.equal(await kit.runsWithin(kit.delayMs * 2), 0, 'a call came later')
    })

    test('waits for a call under way', async (kit) => {
      const { work } = kit.here
      await kit.start()
      work.hold()
      kit.addAndNotify()
      await kit.until(() => work.underWay === 1, 'no run came')
      kit.addAndNotify()
      kit.here.scheduler.notify(kit.in(0), 'here')
      let stopped = false
      const stopping = kit.stop().then(() => {
        stopped = true
      })
      await kit.pass(kit.delayMs)
      assert.equal(stopped, false, 'it did not wait')
      const before = work.runs
      work.release()
      await kit.until(() => stopped, 'it did not end')
      await stopping
      assert.equal(work.runs, before, 'a run began although the scheduler had stopped')
    })

    test('needs no start', async (kit) => {
      kit.here.scheduler.notify(kit.in(0))
      await kit.stop()
      assert.equal(await kit.runsWithin(kit.delayMs), 0)
    })
  })
}
