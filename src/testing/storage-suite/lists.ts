import assert from 'node:assert/strict'
import type {
  DeliveryListParams,
  EndpointListParams,
  EventListParams,
  ListResult,
} from '../../storage/storage.ts'
import { firstPage, idsOf, leaseMs } from './kit.ts'
import type { Suite, SuiteKit } from './suite.ts'

/** One of the three lists, as the tests of paging see it. */
interface List {
  name: string
  /** Adds a row under this id, or a new one. */
  add(kit: SuiteKit, id?: string): Promise<{ id: string }>
  list(kit: SuiteKit, page: Partial<typeof anyPage>): Promise<ListResult<{ id: string }>>
}

const anyPage: { offset: number; before: string | null; limit: number; withTotal: boolean } =
  firstPage
const tenantId = 'tenant-a'

const lists: List[] = [
  {
    name: 'events',
    add: (kit, id) => kit.addEvent(id === undefined ? {} : { id }),
    list: (kit, page) => kit.storage.listEvents({ tenantId, ...anyPage, ...page }),
  },
  {
    name: 'endpoints',
    add: (kit, id) => kit.addEndpoint(id === undefined ? {} : { id }),
    list: (kit, page) => kit.storage.listEndpoints({ tenantId, ...anyPage, ...page }),
  },
  {
    name: 'deliveries',
    add: async (kit, id) => (await kit.addDelivery(id === undefined ? {} : { id })).delivery,
    list: (kit, page) => kit.storage.listDeliveries({ tenantId, ...anyPage, ...page }),
  },
]

export function listTests(suite: Suite): void {
  for (const list of lists) pagingTests(suite, list)
  allEndpointsTests(suite)
  filterTests(suite)
  missingTests(suite)
}

function allEndpointsTests({ describe, test }: Suite): void {
  describe('the list of all endpoints', () => {
    test('goes through every tenant, by id, page by page', async (kit) => {
      assert.deepEqual(await kit.storage.listAllEndpoints({ after: null, limit: 10 }), [])
      const rows = []
      for (let nth = 0; nth < 7; nth += 1) {
        rows.push(await kit.addEndpoint({ tenantId: `tenant-${nth % 3}`, active: nth % 2 === 0 }))
      }
      assert.deepEqual(await kit.storage.listAllEndpoints({ after: null, limit: 10 }), rows)
      const pages = []
      for (let after: string | null = null, full = true; full; ) {
        const page = await kit.storage.listAllEndpoints({ after, limit: 3 })
        pages.push(...page)
        after = page.at(-1)?.id ?? after
        full = page.length === 3
      }
      assert.deepEqual(pages, rows)
    })

    test('leaves out what was deleted', async (kit) => {
      const [gone, left] = [await kit.addEndpoint(), await kit.addEndpoint()]
      await kit.storage.deleteEndpoint({ ...gone, now: kit.at(1) })
      assert.deepEqual(await kit.storage.listAllEndpoints({ after: null, limit: 1 }), [left])
    })
  })
}

function pagingTests({ describe, test }: Suite, { name, add, list }: List): void {
  async function addMany(kit: SuiteKit, count: number): Promise<string[]> {
    const ids: string[] = []
    while (ids.length < count) ids.unshift((await add(kit)).id)
    return ids
  }

  describe(`the list of ${name}`, () => {
    test('is empty where there is nothing', async (kit) => {
      assert.deepEqual(await list(kit, {}), { items: [], total: 0 })
      assert.deepEqual(await list(kit, { withTotal: false }), { items: [], total: null })
    })

    test('is newest first, whatever the order of arrival', async (kit) => {
      const ids = ['x_5', 'x_1', 'x_9', 'x_3', 'x_7']
      for (const id of ids) await add(kit, id)
      const page = await list(kit, {})
      assert.deepEqual(idsOf(page.items), ['x_9', 'x_7', 'x_5', 'x_3', 'x_1'])
    })

    test('pages by number', async (kit) => {
      const ids = await addMany(kit, 7)
      const page = async (offset: number) => idsOf((await list(kit, { offset, limit: 3 })).items)
      assert.deepEqual(await page(0), ids.slice(0, 3))
      assert.deepEqual(await page(3), ids.slice(3, 6))
      assert.deepEqual(await page(6), ids.slice(6))
      assert.deepEqual(await page(7), [])
    })

    test('pages by cursor, also from an id that is not there', async (kit) => {
      const ids = ['x_5', 'x_4', 'x_2', 'x_1']
      for (const id of ids.toReversed()) await add(kit, id)
      const page = async (before: string) => idsOf((await list(kit, { before, limit: 2 })).items)
      assert.deepEqual(await page('x_9'), ['x_5', 'x_4'])
      assert.deepEqual(await page('x_4'), ['x_2', 'x_1'])
      assert.deepEqual(await page('x_3'), ['x_2', 'x_1'])
      assert.deepEqual(await page('x_1'), [])
    })

    test('counts all matches when asked, whatever the page', async (kit) => {
      const ids = await addMany(kit, 5)
      for (const page of [{ offset: 3 }, { limit: 1 }, { before: ids[3] ?? null }]) {
        assert.equal((await list(kit, page)).total, 5)
      }
      assert.equal((await list(kit, { withTotal: false })).total, null)
    })

    test('by cursor shows each row once while others arrive', async (kit) => {
      const ids = await addMany(kit, 9)
      const seen: string[] = []
      let before: string | null = null
      do {
        const { items }: ListResult<{ id: string }> = await list(kit, { before, limit: 2 })
        seen.push(...idsOf(items))
        before = items.at(-1)?.id ?? null
        await add(kit)
      } while (before !== null)
      assert.deepEqual(seen, ids)
    })
  })
}

function filterTests({ describe, test }: Suite): void {
  describe('list filters', () => {
    test('events by type and time: `since` inclusive, `until` exclusive', async (kit) => {
      const rows = []
      for (const [index, type] of ['a.b', 'a.c', 'a.b', 'a.b', 'a.c'].entries()) {
        rows.push(await kit.addEvent({ type, createdAt: kit.at(index * 10) }))
      }
      const ids = idsOf(rows)
      const list = async (given: Partial<EventListParams>) => {
        const { items, total } = await kit.storage.listEvents({ tenantId, ...firstPage, ...given })
        assert.equal(total, items.length)
        return idsOf(items).map((id) => ids.indexOf(id))
      }
      assert.deepEqual(await list({}), [4, 3, 2, 1, 0])
      assert.deepEqual(await list({ type: 'a.b' }), [3, 2, 0])
      assert.deepEqual(await list({ type: 'a' }), [])
      assert.deepEqual(await list({ since: kit.at(20) }), [4, 3, 2])
      assert.deepEqual(await list({ until: kit.at(20) }), [1, 0])
      assert.deepEqual(await list({ type: 'a.b', since: kit.at(0), until: kit.at(30) }), [2, 0])
      const second = await kit.storage.listEvents({
        tenantId,
        ...firstPage,
        type: 'a.b',
        offset: 1,
        limit: 1,
      })
      assert.deepEqual(second, { items: [rows[2]], total: 3 })
    })

    test('endpoints by whether they are active', async (kit) => {
      const on = await kit.addEndpoint()
      const off = await kit.addEndpoint({ active: false })
      const list = async (given: Partial<EndpointListParams>) =>
        kit.storage.listEndpoints({ tenantId, ...firstPage, ...given })
      assert.deepEqual(await list({ active: true }), { items: [on], total: 1 })
      assert.deepEqual(await list({ active: false }), { items: [off], total: 1 })
      assert.deepEqual(await list({ active: undefined }), { items: [off, on], total: 2 })
    })

    test('deliveries by endpoint, event, type, status and time, also together', async (kit) => {
      const endpoints = [await kit.addEndpoint(), await kit.addEndpoint()] as const
      const events = [
        await kit.addEvent({ fanOut: false, type: 'a.b' }),
        await kit.addEvent({ fanOut: false, type: 'a.c' }),
      ] as const
      const wanted = [
        [events[0], endpoints[0]],
        [events[0], endpoints[1]],
        [events[1], endpoints[0]],
        [events[1], endpoints[1]],
      ] as const
      const lease = { leaseToken: 'lease_1', dueAt: kit.at(leaseMs) }
      const deliveries = wanted.map(([event, endpoint], index) =>
        kit.delivery(event, endpoint, { ...lease, createdAt: kit.at(index * 10) }),
      )
      await kit.storage.insertDeliveries({ deliveries })
      const statuses = ['succeeded', 'failed', 'cancelled', 'pending'] as const
      for (const [index, status] of statuses.entries()) {
        const delivery = deliveries[index]
        if (delivery) await kit.settle(kit.settlement(await kit.get(delivery), status))
      }
      const ids = idsOf(deliveries)
      const list = async (given: Partial<DeliveryListParams>) => {
        const page = await kit.storage.listDeliveries({ tenantId, ...firstPage, ...given })
        assert.equal(page.total, page.items.length)
        return idsOf(page.items).map((id) => ids.indexOf(id))
      }
      const [endpointId, eventId] = [endpoints[0].id, events[1].id]
      assert.deepEqual(await list({}), [3, 2, 1, 0])
      assert.deepEqual(await list({ endpointId }), [2, 0])
      assert.deepEqual(await list({ eventId }), [3, 2])
      assert.deepEqual(await list({ eventId, endpointId }), [2])
      assert.deepEqual(await list({ type: 'a.b' }), [1, 0])
      for (const [index, status] of statuses.entries()) {
        assert.deepEqual(await list({ status }), [index])
      }
      assert.deepEqual(await list({ endpointId, status: 'succeeded' }), [0])
      assert.deepEqual(await list({ endpointId, status: 'failed' }), [])
      assert.deepEqual(await list({ since: kit.at(10), until: kit.at(30) }), [2, 1])
      assert.deepEqual(await list({ since: kit.at(10), type: 'a.b' }), [1])
      assert.deepEqual(await list({ endpointId: 'ep_unknown' }), [])
      assert.deepEqual(await list({ eventId: 'evt_unknown' }), [])
    })

    test('deliveries of an endpoint in pages, by number and by cursor', async (kit) => {
      const [endpoint, other] = [await kit.addEndpoint(), await kit.addEndpoint()]
      const own = []
      for (let count = 0; count < 5; count += 1) {
        own.unshift(...(await kit.addDeliveries(1, endpoint)))
        await kit.addDeliveries(1, other)
      }
      const endpointId = endpoint.id
      const page = { tenantId, endpointId, withTotal: true, limit: 2 }
      const second = await kit.storage.listDeliveries({ ...page, offset: 2, before: null })
      assert.deepEqual(second, { items: own.slice(2, 4), total: 5 })
      const before = own[3]?.id ?? ''
      const third = await kit.storage.listDeliveries({ ...page, offset: 0, before })
      assert.deepEqual(third, { items: own.slice(4), total: 5 })
    })
  })
}

function missingTests({ describe, test }: Suite): void {
  describe('events without a delivery for an endpoint', () => {
    function list(
      kit: SuiteKit,
      endpointId: string,
      given: { since?: Date; until?: Date; after?: string | null; limit?: number } = {},
    ) {
      return kit.storage.listEventsWithoutDelivery({
        tenantId,
        endpointId,
        since: kit.at(0),
        until: kit.at(1_000),
        after: null,
        limit: 100,
        ...given,
      })
    }

    /** Events whose fan-out is done. */
    async function addFannedOut(kit: SuiteKit, createdAts: number[]) {
      const rows = []
      for (const at of createdAts) rows.push(await kit.addEvent({ createdAt: kit.at(at) }))
      const leaseToken = kit.id('lease')
      await kit.claimEvents(0, { leaseToken })
      const results = rows.map(({ id }) => ({
        eventId: id,
        leaseToken,
        deliveries: [],
        done: true,
      }))
      await kit.storage.fanOut({ now: kit.at(0), results })
      return rows
    }

    test('are those that were fanned out without it, oldest first', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const other = await kit.addEndpoint()
      const [one, two, three] = await addFannedOut(kit, [0, 10, 20])
      assert.ok(one && two && three)
      await kit.storage.insertDeliveries({
        deliveries: [kit.delivery(two, endpoint), kit.delivery(three, other)],
      })
      assert.deepEqual(await list(kit, endpoint.id), [one, three])
      assert.deepEqual(await list(kit, other.id), [one, two])
    })

    test('are not those that wait for their fan-out, or had none coming', async (kit) => {
      const endpoint = await kit.addEndpoint()
      await kit.addEvent({ fanOut: false })
      await kit.addEvents(2)
      await kit.claimEvents(0, { limit: 1 })
      assert.deepEqual(await list(kit, endpoint.id), [])
    })

    test('lie between `since` and `until`, and come in pages', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const rows = await addFannedOut(kit, [0, 10, 20, 30, 40])
      const window = { since: kit.at(10), until: kit.at(40) }
      assert.deepEqual(await list(kit, endpoint.id, window), rows.slice(1, 4))
      const first = await list(kit, endpoint.id, { ...window, limit: 2 })
      assert.deepEqual(first, rows.slice(1, 3))
      const after = first.at(-1)?.id ?? null
      assert.deepEqual(await list(kit, endpoint.id, { ...window, limit: 2, after }), [rows[3]])
    })

    test('count a delivery of whatever status as one', async (kit) => {
      const { endpoint } = await kit.addSettled('failed')
      assert.deepEqual(await list(kit, endpoint.id), [])
    })
  })
}
