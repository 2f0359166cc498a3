import assert from 'node:assert/strict'
import { burstRuns, type Suite, spareRuns } from './suite.ts'

/** When `run` is called: for what a run returned, for what the scheduler is told, and for neither. */
export function wakingTests(suite: Suite): void {
  startTests(suite)
  planTests(suite)
  lookingTests(suite)
  notifyTests(suite)
  duringTests(suite)
}

function startTests({ describe, test }: Suite): void {
  describe('starting', () => {
    test('leads to a run soon', async (kit) => {
      const task = kit.add(-1)
      await kit.start()
      await kit.taken(task, 'the first run did not come')
    })

    test('is what calls begin with, whatever was said before', async (kit) => {
      const task = kit.addAndNotify()
      assert.equal(await kit.runsWithin(kit.delayMs), 0)
      await kit.start()
      await kit.taken(task, 'the first run did not come')
    })
  })
}

function planTests({ describe, test }: Suite): void {
  describe('what a run returned', () => {
    test('a later instant: the next run comes then, and none instead of it', async (kit) => {
      const task = kit.add(kit.delayMs)
      await kit.start()
      assert.ok((await kit.runsWithin(kit.delayMs / 2)) <= spareRuns, 'it spins')
      await kit.taken(task, 'the instant that a run returned was forgotten')
    })

    test('several in a row: each has its run', async (kit) => {
      const tasks = [1, 2, 3].map((step) => kit.add((kit.delayMs * step) / 2))
      await kit.start()
      for (const task of tasks)
        await kit.taken(task, 'an instant that a run returned was forgotten')
    })

    test('an instant that has passed: the next run comes at once', async (kit) => {
      kit.here.work.again = 100
      await kit.here.scheduler.start(kit.here.work)
      for (let step = 0; step < 100; step += 5) await kit.pass(0)
      await kit.until(() => kit.here.work.again === 0, 'work that was due had to wait')
    })

    test('nothing: no run follows it before somebody asks', async (kit) => {
      await kit.start()
      assert.ok((await kit.runsWithin(kit.delayMs * 2)) <= spareRuns, 'it spins')
    })

    test('an instant that no timer can hold: no run follows it either', async (kit) => {
      kit.tasks.add(new Date('9000-01-01T00:00:00Z'))
      await kit.start()
      kit.here.scheduler.notify(new Date('8000-01-01T00:00:00Z'))
      assert.ok((await kit.runsWithin(kit.delayMs * 2)) <= spareRuns, 'it spins')
    })
  })
}

function lookingTests({ describe, testOfLooking }: Suite): void {
  describe('left alone', () => {
    const failure = 'work that nobody told of was not found'

    testOfLooking('it looks by itself', async (kit) => {
      await kit.start()
      for (let round = 0; round < 2; round += 1) {
        await kit.taken(kit.add(), failure, kit.longestSleepMs)
      }
    })

    testOfLooking('it does so as well while the next instant is far off', async (kit) => {
      kit.tasks.add(new Date('9000-01-01T00:00:00Z'))
      await kit.start()
      kit.here.scheduler.notify(kit.in(kit.longestSleepMs * 100))
      await kit.taken(kit.add(), failure, kit.longestSleepMs)
    })

    testOfLooking('it does not look all the time', async (kit) => {
      await kit.start()
      const runs = await kit.runsWithin(kit.longestSleepMs * 2)
      assert.ok(runs <= 2 + spareRuns, `${runs} runs, although nobody asked`)
    })
  })
}

function notifyTests({ describe, test }: Suite): void {
  describe('a notification', () => {
    test('of what is due leads to a run at once', async (kit) => {
      await kit.start()
      for (let round = 0; round < 3; round += 1) {
        await kit.taken(kit.addAndNotify(), 'it led to no run')
      }
    })

    test('of what has been due for long does as well', async (kit) => {
      await kit.start()
      await kit.taken(kit.addAndNotify(-86_400_000), 'it led to no run')
    })

    test('of what becomes due leads to a run then, and to none instead of it', async (kit) => {
      await kit.start()
      const task = kit.addAndNotify(kit.delayMs)
      assert.ok((await kit.runsWithin(kit.delayMs / 2)) <= spareRuns, 'it spins')
      await kit.taken(task, 'it led to no run')
    })

    test('of something earlier brings the next run forward', async (kit) => {
      kit.add(kit.delayMs * 1_000)
      await kit.start()
      await kit.taken(kit.addAndNotify(kit.delayMs), 'what was planned stood in its way')
      await kit.taken(kit.addAndNotify(), 'what was planned stood in its way')
    })

    test('of something later puts off nothing', async (kit) => {
      const early = kit.add(kit.delayMs)
      await kit.start()
      const late = kit.addAndNotify(kit.delayMs * 2)
      await kit.taken(early, 'what was planned was forgotten for it')
      await kit.taken(late, 'it was forgotten for what came first')
    })

    test('that nobody else can use leads to a run here', async (kit) => {
      await kit.start()
      const task = kit.add()
      kit.here.scheduler.notify(task.dueAt, 'here')
      await kit.taken(task, 'it led to no run')
    })

    test('at any rate leads to few runs', async (kit) => {
      await kit.start()
      const before = kit.here.work.runs
      for (let count = 0; count < 10_000; count += 1) {
        kit.here.scheduler.notify(kit.in(-1))
        if (count % 1_000 === 0) await kit.pass(0)
      }
      await kit.taken(kit.addAndNotify(), 'the last one of many led to no run')
      const runs = kit.here.work.runs - before
      assert.ok(runs <= burstRuns, `10,000 notifications led to ${runs} runs`)
    })

    test('returns at once and throws nothing, whenever it comes', async (kit) => {
      const { scheduler } = kit.here
      const notify = () => {
        for (const instant of [kit.in(-1), kit.in(0), kit.in(5), new Date(8.64e15)]) {
          for (const reach of [undefined, 'here', 'anywhere'] as const) {
            assert.equal(scheduler.notify(instant, reach), undefined)
          }
        }
      }
      notify()
      await kit.start()
      notify()
      await kit.stop()
      notify()
    })

    test('while the process is full leads to no spinning, and once it has room to a run', async (kit) => {
      await kit.start()
      kit.here.work.isFull = true
      const task = kit.addAndNotify()
      assert.ok((await kit.runsWithin(kit.delayMs * 2)) <= spareRuns, 'it spins')
      kit.here.work.isFull = false
      kit.here.scheduler.notify(kit.in(0), 'here')
      await kit.taken(task, 'it was not called when it had room again')
    })
  })
}

function duringTests({ describe, test, testOfLooking }: Suite): void {
  describe('during a run', () => {
    test('a notification leads to another one after it', async (kit) => {
      await kit.start()
      for (const inMs of [0, kit.delayMs]) {
        kit.here.work.hold()
        kit.addAndNotify()
        await kit.until(() => kit.here.work.underWay === 1, 'no run came')
        const task = kit.addAndNotify(inMs)
        await kit.pass(0)
        kit.here.work.release()
        await kit.taken(task, 'it was lost')
      }
    })

    testOfLooking('there is no other, however much is asked for', async (kit) => {
      const { work, scheduler } = kit.here
      kit.tasks.add(kit.in(kit.delayMs))
      await kit.start()
      work.hold()
      kit.addAndNotify()
      await kit.until(() => work.underWay === 1, 'no run came')
      for (const inMs of [-1, 0, 1, kit.delayMs]) {
        for (let count = 0; count < 20; count += 1) scheduler.notify(kit.in(inMs), 'here')
        scheduler.notify(kit.in(inMs))
        await kit.pass(kit.delayMs)
      }
      await kit.pass(kit.longestSleepMs)
      work.release()
      work.again = 20
      for (let count = 0; count < 20; count += 1) {
        scheduler.notify(kit.in(0))
        await kit.pass(1)
      }
      await kit.quiet()
      assert.equal(work.mostUnderWay, 1, `${work.mostUnderWay} runs at the same time`)
    })
  })
}
