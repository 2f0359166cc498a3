import { describe, expect, test } from 'vitest'
import { memoryStorage } from '../../src/index.ts'
import { createTestWebhooks, events } from '../support.ts'

/** A memory storage that takes no text with this in it, as a column of the wrong encoding. */
const poison = '☠'

async function setup() {
  const storage = memoryStorage()
  for (const method of ['insertEvents', 'fanOut', 'settleDeliveries'] as const) {
    const write = storage[method] as (params: unknown) => Promise<unknown>
    const picky = async (params: unknown) => {
      if (JSON.stringify(params).includes(poison)) throw new Error('invalid byte sequence')
      return write(params)
    }
    Object.assign(storage, { [method]: picky })
  }
  const kit = createTestWebhooks({ events, storage, logger: silent })
  const shop = (name: string) => kit.receiver(`https://${name}.example/hooks`)
  for (const name of ['good', 'odd']) {
    await kit.webhooks.endpoints.create({ url: shop(name).url, events: ['*'] })
  }
  return { ...kit, good: shop('good'), odd: shop('odd') }
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }

describe.each([
  ['at once', 0],
  ['late', 5_000],
])('an answer that the storage refuses, %s', (_, afterMs) => {
  test.each([200, 500])('is recorded by its status (%i), and resends nobody', async (status) => {
    const { webhooks, good, odd, settle, advance } = await setup()
    good.answer({ status: 200, afterMs })
    odd.answer({ status, body: `skull ${poison}`, headers: { 'x-odd': 'yes' }, afterMs })
    await webhooks.emit('order.paid', { orderId: 'o1' })
    await settle()
    await advance({ minutes: 2 })
    expect(good.requests).toHaveLength(1)
    const { items } = await webhooks.deliveries.list()
    expect(items.map((delivery) => delivery.status)).toEqual(['succeeded', 'succeeded'])
    const attempts = await Promise.all(items.map(({ id }) => webhooks.deliveries.attempts(id)))
    const first = attempts.flat().find(({ url, number }) => url === odd.url && number === 1)
    expect(first?.response).toEqual({ status, headers: {}, body: '', bodyTruncated: true })
    expect(odd.requests).toHaveLength(status === 200 ? 1 : 2)
  })
})

test('an event that the storage refuses is no fault of those that travel with it', async () => {
  const { webhooks, advance } = await setup()
  const emits = ['o1', poison, 'o3'].map((orderId) => webhooks.emit('order.paid', { orderId }))
  const outcomes = Promise.allSettled(emits)
  await advance({ seconds: 1 })
  expect((await outcomes).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
})
