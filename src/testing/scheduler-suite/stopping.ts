import assert from 'node:assert/strict'
import type { Suite } from './suite.ts'

export function stoppingTests({ describe, test, testOfLooking }: Suite): void {
  describe('stopping', () => {
    testOfLooking('ends all calls, whatever was planned or is asked for', async (kit) => {
      kit.add(kit.delayMs)
      await kit.start()
      kit.addAndNotify(kit.delayMs / 2)
      kit.addAndNotify()
      const { runsBefore } = await kit.stop()
      await kit.pass(kit.delayMs)
      kit.addAndNotify()
      kit.here.scheduler.notify(kit.in(0), 'here')
      await kit.pass(kit.longestSleepMs * 2)
      assert.equal(kit.here.work.runs, runsBefore, 'a call came later')
    })

    test('right after the start ends all calls as well', async (kit) => {
      kit.add()
      await kit.here.scheduler.start(kit.here.work)
      const { runsBefore } = await kit.stop()
      await kit.pass(kit.delayMs * 2)
      assert.equal(kit.here.work.runs, runsBefore, 'a call came later')
    })

    test('waits for a call under way', async (kit) => {
      const { work } = kit.here
      await kit.start()
      work.hold()
      kit.addAndNotify()
      await kit.until(() => work.underWay === 1, 'no run came')
      kit.addAndNotify()
      kit.here.scheduler.notify(kit.in(0), 'here')
      const stopping = kit.beginStop()
      await kit.pass(kit.delayMs)
      assert.equal(stopping.hasEnded, false, 'it did not wait')
      work.release()
      const before = work.runs
      await kit.until(() => stopping.hasEnded, 'it did not end')
      await stopping.end
      await kit.pass(kit.delayMs)
      assert.equal(work.runs, before, 'a run began although the scheduler had stopped')
    })

    test('needs no start', async (kit) => {
      kit.here.scheduler.notify(kit.in(0))
      await kit.stop()
      assert.equal(await kit.runsWithin(kit.delayMs), 0)
    })
  })
}
