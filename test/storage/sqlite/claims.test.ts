import type { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { Storage } from '../../../src/storage/storage.ts'
import { addDeliveries, after, claim, newEndpoint, openStorage } from './fixtures.ts'

async function addEndpoints(storage: Storage<DatabaseSync>, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `ep_${String(index).padStart(5, '0')}`)
  for (const id of ids) await storage.insertEndpoint({ endpoint: newEndpoint({ id }) })
  return ids
}

test('a claim after a claim shows settings that changed in between', async () => {
  const storage = await openStorage()
  const endpointIds = await addEndpoints(storage, 1)
  await addDeliveries(storage, 3, endpointIds)
  const [id = ''] = endpointIds
  const urls = []
  for (const url of ['https://one.example/', 'https://two.example/']) {
    await storage.updateEndpoint({ tenantId: 'tenant', id, changes: { url }, now: after(1) })
    const { endpoints } = await claim(storage, { limit: 1 })
    urls.push(endpoints[0]?.url)
  }
  expect(urls).toEqual(['https://one.example/', 'https://two.example/'])
})

test('an endpoint that one caller has no room for keeps its place for the others', async () => {
  const storage = await openStorage()
  const [first = '', second = '', third = ''] = await addEndpoints(storage, 3)
  await addDeliveries(storage, 9, [first, second, third])
  const endpointOf = async (inFlight: ReadonlyMap<string, number>) => {
    const { deliveries } = await claim(storage, { limit: 1, inFlight })
    return deliveries[0]?.endpointId
  }
  expect(await endpointOf(new Map([[first, 8]]))).toBe(second)
  expect(await endpointOf(new Map())).toBe(first)
  expect(await endpointOf(new Map())).toBe(third)
})

test('a tenant all of whose endpoints one caller has no room for keeps its place as well', async () => {
  const storage = await openStorage()
  const tenants = ['first', 'second', 'third']
  for (const tenantId of tenants) {
    await storage.insertEndpoint({ endpoint: newEndpoint({ id: `ep_${tenantId}`, tenantId }) })
    await addDeliveries(storage, 3, [`ep_${tenantId}`], tenantId)
  }
  const tenantOf = async (inFlight: ReadonlyMap<string, number>) => {
    const { deliveries } = await claim(storage, { limit: 1, inFlight })
    return deliveries[0]?.tenantId
  }
  expect(await tenantOf(new Map([['ep_first', 8]]))).toBe('second')
  expect(await tenantOf(new Map())).toBe('first')
  expect(await tenantOf(new Map())).toBe('third')
})

test('a lease that a renewal shortens, by a clock that stepped back, ends when it says', async () => {
  const storage = await openStorage()
  await addDeliveries(storage, 1, await addEndpoints(storage, 1))
  const { deliveries } = await claim(storage, { now: after(30_000) })
  const leases = deliveries.map(({ id, leaseToken }) => ({ id, leaseToken: leaseToken ?? '' }))
  await storage.renewLeases({ leases, leaseUntil: after(70_000) })
  expect(await storage.nextDueAt({ exclude: [] })).toEqual(after(70_000))
  expect((await claim(storage, { now: after(70_000) })).deliveries).toHaveLength(1)
})

test('a lease whose end was noticed holds again for a clock that has stepped back behind it', async () => {
  const storage = await openStorage()
  const [delivery] = await addDeliveries(storage, 1, await addEndpoints(storage, 1))
  await claim(storage, { now: after(0) })
  // It finds that the lease has ended, and has no room for the delivery.
  await claim(storage, { now: after(100_000), perEndpoint: 0 })
  const ids = [delivery?.id ?? '']
  const requeue = (now: Date) => storage.requeueDeliveries({ tenantId: 'tenant', ids, now })
  expect(await requeue(after(10))).toEqual([])
  expect(await requeue(after(100_000))).toEqual(ids)
})

test('thousands of endpoints whose work was cancelled do not hide the one that has some', async () => {
  const storage = await openStorage()
  const [last = '', ...others] = (await addEndpoints(storage, 2_500)).toReversed()
  const cancelled = await addDeliveries(storage, others.length, others)
  const ids = cancelled.map((delivery) => delivery.id)
  const cancel = { tenantId: 'tenant', reason: 'manual' as const, now: after(1), limit: 10_000 }
  await storage.cancelDeliveries({ ...cancel, which: { ids } })
  const [waiting] = await addDeliveries(storage, 1, [last])
  const { deliveries } = await claim(storage)
  expect(deliveries.map((delivery) => delivery.id)).toEqual([waiting?.id])
  expect(await storage.nextDueAt({ exclude: [last] })).toBeNull()
})
