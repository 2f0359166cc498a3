import assert from 'node:assert/strict'
import { assertSameIds, countBy, firstPage, idsOf, type Kit, leaseMs, only } from './kit.ts'
import type { Suite } from './suite.ts'

/** Several processes on one store, and what is left when one of them dies. */
export function connectionTests(suite: Suite): void {
  sharingTests(suite.needing('reopen'))
  crashTests(suite.needing('reopen'))
  wakeTests(suite.needing('reopen', 'onWork'))
  transactionTests(suite.needing('transactions'))
}

function sharingTests({ describe, test }: Suite): void {
  describe('two connections', () => {
    test('see the same data', async (kit) => {
      const { event, endpoint, delivery } = await kit.addSettled('failed')
      const other = await kit.reopen()
      assert.deepEqual(await other.eventsOf([event]), [event])
      assert.deepEqual(await other.getEndpoint(endpoint), endpoint)
      assert.deepEqual(await other.get(delivery), delivery)
      const listed = await other.storage.listDeliveries({ tenantId: 'tenant-a', ...firstPage })
      assert.deepEqual(listed, { items: [delivery], total: 1 })
    })

    test('never claim the same', async (kit) => {
      const other = await kit.reopen()
      const added = [
        ...(await kit.addDeliveries(30, await kit.addEndpoint())),
        ...(await kit.addDeliveries(30, await kit.addEndpoint({ tenantId: 'tenant-b' }))),
      ]
      const events = await kit.addEvents(40)
      const workers = [kit, other, kit, other, kit, other, kit, other]
      const deliveries = await Promise.all(workers.map((worker) => worker.claimed(0, { limit: 9 })))
      assertSameIds(deliveries.flat(), added)
      const fanOuts = await Promise.all(
        workers.map((worker) => worker.claimEvents(0, { limit: 6 })),
      )
      assertSameIds(fanOuts.flat(), events)
    })

    test('know one idempotency key', async (kit) => {
      const other = await kit.reopen()
      const events = Array.from({ length: 20 }, () => kit.event({ idempotencyKey: 'race' }))
      const answers = await Promise.all(
        events.map(async (event, index) =>
          only(await (index % 2 ? kit : other).storage.insertEvents({ events: [event] })),
        ),
      )
      assert.deepEqual(
        countBy(answers, ({ inserted }) => String(inserted)),
        {
          true: 1,
          false: 19,
        },
      )
      assert.equal(new Set(idsOf(answers)).size, 1)
    })

    test('give positions in one order', async (kit) => {
      const other = await kit.reopen()
      const rows = []
      for (let turn = 0; turn < 6; turn += 1) {
        rows.push(await (turn % 2 ? kit : other).addEvent())
      }
      const endpoint = await other.addEndpoint()
      rows.push(await kit.addEvent())
      const positions = rows.map(({ position }) => position)
      assert.deepEqual(
        positions,
        [...positions].sort((a, b) => a - b),
      )
      assert.equal(new Set(positions).size, 7)
      assert.equal(endpoint.activePosition, positions[5])
    })

    test('fence each other', async (kit) => {
      const other = await kit.reopen()
      await kit.addDelivery()
      const stale = only(await kit.claimed(0))
      const held = only(await other.claimed(leaseMs))
      assert.deepEqual(await kit.settle(kit.settlement(stale, 'succeeded')), [])
      assert.deepEqual(await other.settle(other.settlement(held, 'failed')), [held.id])
      assert.equal((await kit.get(held)).status, 'failed')
    })

    test('share pauses and rate limits', async (kit) => {
      const other = await kit.reopen()
      const rateLimit = { limit: 3, intervalMs: 3_000 }
      const limited = await kit.addEndpoint({ rateLimit })
      await kit.addDeliveries(9, limited)
      assert.equal((await kit.claimed(0, { limit: 2 })).length, 2)
      assert.equal((await other.claimed(0)).length, 1)
      assert.equal((await kit.claimed(999)).length, 0)
      const { endpoint } = await kit.addDelivery()
      await other.storage.recordHealth({
        changes: [
          {
            endpointId: endpoint.id,
            succeeded: false,
            failedAttempts: 1,
            failedAt: kit.at(0),
            pausedUntil: kit.at(5_000),
            leaseTokens: [],
          },
        ],
      })
      assert.deepEqual(await kit.claimed(999), [])
    })

    test('may open an empty store at the same moment', async (kit) => {
      const others = await Promise.all([kit.reopen(), kit.reopen(), kit.reopen()])
      const rows = await Promise.all(others.map((other) => other.addEvent()))
      assert.equal((await kit.eventsOf(rows)).length, 3)
    })
  })
}

function crashTests({ describe, test }: Suite): void {
  describe('after a connection was lost', () => {
    const steps: { name: string; run(kit: Kit): Promise<void> }[] = [
      { name: 'before the fan-out', run: async () => {} },
      {
        name: 'with the fan-out under way',
        run: async (kit) => void (await kit.claimEvents(0)),
      },
      {
        name: 'with half of the fan-out written',
        run: async (kit) => void (await fanOut(kit, 0, false)),
      },
      { name: 'with the fan-out done', run: async (kit) => void (await fanOut(kit, 0, true)) },
      {
        name: 'with the attempt under way',
        async run(kit) {
          await fanOut(kit, 0, true)
          only(await kit.claimed(0))
        },
      },
      {
        name: 'with a retry to come',
        async run(kit) {
          await fanOut(kit, 0, true)
          const held = only(await kit.claimed(0))
          await kit.settle(kit.settlement(held, 'pending', { dueAt: kit.at(leaseMs) }))
        },
      },
    ]

    for (const { name, run } of steps) {
      test(`${name}: another one finishes the work`, async (kit) => {
        const endpoint = await kit.addEndpoint()
        const event = await kit.addEvent()
        await run(kit)
        const other = await kit.reopen()
        await fanOut(other, leaseMs, true)
        const held = only(await other.claimed(leaseMs))
        assert.equal(held.eventId, event.id)
        assert.equal(held.endpointId, endpoint.id)
        assert.deepEqual(await other.settle(other.settlement(held, 'succeeded')), [held.id])
        assert.equal((await other.get(held)).status, 'succeeded')
        assert.equal(await other.storage.nextDueAt({ exclude: [] }), null)
      })
    }

    async function fanOut(kit: Kit, at: number, done: boolean): Promise<void> {
      const leaseToken = kit.id('lease')
      const events = await kit.claimEvents(at, { leaseToken })
      const results = []
      for (const event of events) {
        const endpoints = await kit.storage.listSubscribers({
          tenantId: event.tenantId,
          position: event.position,
          emittedAt: event.createdAt,
          after: null,
          limit: 10,
        })
        const deliveries = endpoints.map((endpoint) => kit.delivery(event, endpoint))
        results.push({ eventId: event.id, leaseToken, deliveries, done })
      }
      await kit.storage.fanOut({ now: kit.at(at), results })
    }
  })
}

function wakeTests({ describe, test }: Suite): void {
  describe('onWork', () => {
    test('tells of what another connection adds, until ended', async (kit) => {
      const other = await kit.reopen()
      let end: () => void = () => {}
      const woken = new Promise<void>((resolve) => {
        assert.ok(other.storage.onWork, 'the capability `onWork` needs the method')
        end = other.storage.onWork(resolve)
      })
      await kit.addEvent()
      await woken
      end()
    })
  })
}

function transactionTests({ describe, test }: Suite): void {
  describe('in the caller’s transaction', () => {
    test('events commit with it', async (kit) => {
      const events = [kit.event({ idempotencyKey: 'k' }), kit.event()]
      await kit.transact(async (transaction) => {
        const answers = await kit.storage.insertEvents({ events, transaction })
        assert.deepEqual(idsOf(answers), idsOf(events))
      })
      assert.deepEqual(idsOf(await kit.claimEvents(0)), idsOf(events))
    })

    test('events vanish with it, and so does their key', async (kit) => {
      const event = kit.event({ idempotencyKey: 'k' })
      const wanted = new Error('the host changed its mind')
      await assert.rejects(
        kit.transact(async (transaction) => {
          await kit.storage.insertEvents({ events: [event], transaction })
          throw wanted
        }),
        wanted,
      )
      assert.deepEqual(await kit.eventsOf([event]), [])
      assert.deepEqual(await kit.claimEvents(0), [])
      const next = kit.event({ idempotencyKey: 'k' })
      assert.ok(only(await kit.storage.insertEvents({ events: [next] })).inserted)
    })

    test('a key holds inside it, and against what stands', async (kit) => {
      const standing = await kit.addEvent({ idempotencyKey: 'old' })
      await kit.transact(async (transaction) => {
        const insert = async (idempotencyKey: string) => {
          const events = [kit.event({ idempotencyKey })]
          return only(await kit.storage.insertEvents({ events, transaction }))
        }
        const again = await insert('old')
        assert.deepEqual([again.id, again.inserted], [standing.id, false])
        const first = await insert('new')
        const second = await insert('new')
        assert.deepEqual([second.id, second.inserted], [first.id, false])
      })
      assert.equal((await kit.claimEvents(0)).length, 2)
    })
  })
}
