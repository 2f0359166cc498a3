import { expect, test } from 'vitest'
import { IdempotencyKeys } from '../../src/management/idempotency.ts'
import { systemClock } from '../../src/system.ts'
import { gate } from '../receiver/support.ts'
import { createApi, everything } from './support.ts'

const url = 'https://shop.example/hooks'
const under = (key: string) => ({ headers: { 'idempotency-key': key } })

test('a repeat under the same key creates nothing, and sees the secret again', async () => {
  const { call } = createApi()
  const body = { url, events: ['*'] }
  const first = await call('POST', '', { body, ...under('key-1') })
  const again = await call('POST', '', { body, ...under('key-1') })
  expect(again.body).toEqual(first.body)
  expect(again.status).toBe(201)
  expect(again.headers.get('etag')).toBe('"1"')
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  expect(first.headers.has('idempotency-replayed')).toBe(false)
  expect((await call('POST', '', { body, ...under('key-2') })).body.id).not.toBe(first.body.id)
  expect((await call('GET', '')).body.total).toBe(2)
})

test('a repeat while the first is under way waits for it', async () => {
  const { call } = createApi()
  const post = () => call('POST', '', { body: { url, events: ['*'] }, ...under('key') })
  const answers = await Promise.all([post(), post(), post()])
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
  expect((await call('GET', '')).body.total).toBe(1)
})

test('a repeated test, retry, rotation or recovery happens once', async () => {
  const { call, create, receiver, settle } = createApi()
  const shop = receiver(url)
  const { id } = await create()
  const twice = async (path: string, body?: object) => {
    const first = await call('POST', path, { body, ...under(path) })
    const again = await call('POST', path, { body, ...under(path) })
    expect(again.body).toEqual(first.body)
    await settle()
    return first.body
  }
  const { deliveryId } = await twice(`/${id}/test`)
  expect(shop.types).toHaveLength(1)
  await twice(`/${id}/deliveries/${deliveryId}/retry`)
  expect(shop.types).toHaveLength(2)
  await twice(`/${id}/rotate-secret`)
  expect((await call('GET', `/${id}`)).body.version).toBe(2)
  const span = { since: '2025-01-01T00:00:00Z', until: '2027-01-01T00:00:00Z' }
  expect(await twice(`/${id}/recover`, span)).toMatchObject({ failed: 0 })
})

test('a key stands for one request, and belongs to one tenant', async () => {
  const { become, call, create } = createApi()
  const body = { url, events: ['*'] }
  const first = await call('POST', '', { body, ...under('key') })
  const { id } = await create()
  for (const [path, other] of [
    ['', { ...body, description: 'another' }],
    [`/${id}/test`, undefined],
    [`/${first.body.id}/test`, undefined],
  ] as const) {
    const answer = await call('POST', path, { body: other, ...under('key') })
    expect(answer).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
  }
  become({ ...everything, tenantId: 'other' })
  const theirs = await call('POST', '', { body, ...under('key') })
  expect(theirs.body.id).not.toBe(first.body.id)
  expect(theirs.headers.has('idempotency-replayed')).toBe(false)
})

test('a refusal is not kept: the repeat may fare better', async () => {
  const { call, create } = createApi()
  const { id } = await create({ active: false })
  const recover = () =>
    call('POST', `/${id}/recover`, {
      body: { since: '2025-01-01T00:00:00Z', until: '2027-01-01T00:00:00Z' },
      ...under('key'),
    })
  expect((await recover()).status).toBe(409)
  await call('POST', `/${id}/enable`)
  expect((await recover()).status).toBe(200)
})

test('keys are forgotten after an hour, and beyond a hundred the oldest', async () => {
  const { advance, call, create } = createApi()
  const { id } = await create()
  const replayed = async (key: string) =>
    (await call('POST', `/${id}/enable`, under(key))).headers.has('idempotency-replayed')
  await replayed('old')
  await advance({ minutes: 59 })
  expect(await replayed('old')).toBe(true)
  await advance({ minutes: 2 })
  expect(await replayed('old')).toBe(false)
  for (let index = 0; index < 100; index++) await replayed(`key-${index}`)
  expect(await replayed('key-1')).toBe(true)
  expect(await replayed('old')).toBe(false)
})

test('what is under way is not forgotten, however many keys come meanwhile', async () => {
  const keys = new IdempotencyKeys<number>(systemClock)
  const { opened, open } = gate()
  let done = 0
  const keyed = (key: string, work: () => Promise<number>) =>
    keys.run({ scope: 'acme', key, fingerprint: 'same' }, work)
  const slow = async () => {
    await opened
    return ++done
  }
  const first = keyed('slow', slow)
  for (let index = 0; index < 150; index++) await keyed(`key-${index}`, async () => index)
  const again = keyed('slow', slow)
  open()
  expect(await Promise.all([first, again])).toEqual([
    { value: 1, replayed: false },
    { value: 1, replayed: true },
  ])
})

test('who may not see payloads does not see them in a repeat either', async () => {
  const { become, call, create } = createApi()
  const { id } = await create()
  await call('POST', `/${id}/test`, under('key'))
  become({ tenantId: 'shop', actions: ['send'] })
  expect((await call('POST', `/${id}/test`, under('key'))).body.response.body).toBeNull()
})

test.each(['', ' ', 'a b', 'x'.repeat(256), '\u00e9'])(
  'a key that is none is refused: %j',
  async (key) => {
    const { call } = createApi()
    const answer = await call('POST', '', { body: { url, events: ['*'] }, ...under(key) })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    expect((await call('GET', '')).body.total).toBe(0)
  },
)
