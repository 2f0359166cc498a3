import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { newEndpoint, newEvent, openStorage, start, temporaryFile } from './fixtures.ts'

/** Rows as any other reader of the file sees them. */
function read(path: string, sql: string): Record<string, unknown>[] {
  const connection = new DatabaseSync(path, { readOnly: true })
  try {
    return connection.prepare(sql).all()
  } finally {
    connection.close()
  }
}

test('instants are epoch milliseconds, JSON is text, and text is text', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const body = JSON.stringify({ text: 'Grüße 👋' })
  await storage.insertEvents({ events: [newEvent({ body, channels: ['a', 'b'] })] })
  await storage.insertEndpoint({ endpoint: newEndpoint({ headers: { 'x-key': 'value' } }) })
  expect(read(path, 'SELECT * FROM webhooks_events')).toMatchObject([
    { position: 1, tenant_id: 'tenant', created_at: start.getTime(), channels: '["a","b"]', body },
  ])
  expect(read(path, 'SELECT headers, created_at FROM webhooks_endpoints')).toMatchObject([
    { headers: '{"x-key":"value"}', created_at: start.getTime() },
  ])
})

test('text that UTF-8 cannot hold keeps tenants and keys apart', async () => {
  const storage = await openStorage()
  const odd = ['\ud800', '\ud801', '\ufffd', 'a\0b', 'a\0c', 'a']
  const events = odd.flatMap((tenantId) =>
    odd.map((idempotencyKey) => newEvent({ tenantId, idempotencyKey })),
  )
  const answers = await storage.insertEvents({ events })
  expect(answers.every((answer) => answer.inserted)).toBe(true)
  for (const tenantId of odd) {
    const list = { tenantId, offset: 0, before: null, limit: 100, withTotal: true }
    const { items, total } = await storage.listEvents(list)
    expect(total).toBe(odd.length)
    expect(items.map((event) => event.tenantId)).toEqual(odd.map(() => tenantId))
    expect(items.map((event) => event.idempotencyKey).reverse()).toEqual(odd)
  }
  const claimed = await storage.claimEvents({
    now: start,
    leaseToken: 'lease',
    leaseUntil: new Date(start.getTime() + 60_000),
    limit: 100,
  })
  expect(claimed).toHaveLength(events.length)
})

test('text with U+0000 is stored whole, for versions of Node that read TEXT only up to it', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const event = newEvent({ body: 'a\0b' })
  await storage.insertEvents({ events: [event] })
  const [row] = read(path, 'SELECT typeof(body) AS type, body FROM webhooks_events')
  expect(row).toMatchObject({ type: 'blob', body: new Uint8Array(Buffer.from('a\0b', 'utf16le')) })
  const [stored] = await storage.getEvents({ tenantId: 'tenant', ids: [event.id] })
  expect(stored?.body).toBe('a\0b')
})

test('a deleted endpoint leaves no secret in the file’s tables', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const endpoint = newEndpoint({ headers: { authorization: 'hidden-value' } })
  await storage.insertEndpoint({ endpoint })
  await storage.deleteEndpoint({ tenantId: 'tenant', id: endpoint.id, now: start })
  const rows = JSON.stringify(read(path, 'SELECT * FROM webhooks_endpoints'))
  expect(rows).toContain(endpoint.id)
  expect(rows).not.toContain('whsec_')
  expect(rows).not.toContain('hidden-value')
})
