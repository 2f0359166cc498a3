import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SecretBox } from '../../src/core/signing/secret-box.ts'
import { memoryStorage, type Storage } from '../../src/index.ts'
import { createTestWebhooks } from '../../src/testing/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { events, expectVerified } from '../support.ts'

const key = (fill: number) => Buffer.alloc(32, fill)
const newKey = key(1)
const oldKey = key(2)
const url = 'https://shop.example/hooks'
const headers = { 'X-Api-Key': 'key-of-the-shop' }

/** What an endpoint's row holds. */
async function rowOf(storage: Storage, id: string, tenantId = 'default') {
  const row = await storage.getEndpoint({ tenantId, id })
  if (row === null) throw new Error(`There is no ${id}`)
  return row
}

/** An instance over a storage, which outlives it. */
function instance(storage: Storage, keys: Uint8Array[] | undefined, seed: number) {
  return createTestWebhooks({ events, storage, seed, ...(keys && { encryption: { keys } }) })
}

/** Sends one event and returns what the receiver got. */
async function send(world: ReturnType<typeof instance>) {
  await world.webhooks.emit('order.paid', { orderId: 'o-1' })
  await world.settle()
  const request = world.receiver(url).requests.at(-1)
  if (request === undefined) throw new Error('Nothing was sent')
  return request
}

describe('values at rest', () => {
  test('are encrypted in the storage, and plain where they are sent', async () => {
    const storage = memoryStorage()
    const world = instance(storage, [newKey], 1)
    const { id, secret } = await world.webhooks.endpoints.create({ url, events: ['*'], headers })
    const row = await rowOf(storage, id)
    expect(JSON.stringify(row)).not.toContain(secret.slice('whsec_'.length))
    expect(JSON.stringify(row)).not.toContain(headers['X-Api-Key'])
    const request = await send(world)
    expect(request.headers['x-api-key']).toBe(headers['X-Api-Key'])
    expectVerified(request, secret)

    await world.webhooks.endpoints.update(id, { headers: { 'X-Api-Key': 'changed' } })
    expect(JSON.stringify(await rowOf(storage, id))).not.toContain('changed')
    expect((await send(world)).headers['x-api-key']).toBe('changed')
  })

  test('are stored as they are without encryption', async () => {
    const storage = memoryStorage()
    const { webhooks } = instance(storage, undefined, 1)
    const { id, secret } = await webhooks.endpoints.create({ url, events: ['*'], headers })
    const row = await rowOf(storage, id)
    expect(row.secrets.map(({ value }) => value)).toEqual([secret])
    expect(row.headers).toEqual({ 'x-api-key': headers['X-Api-Key'] })
  })

  test('during a rotation both secrets are encrypted, and both sign', async () => {
    const storage = memoryStorage()
    const world = instance(storage, [newKey], 1)
    const { id, secret: first } = await world.webhooks.endpoints.create({ url, events: ['*'] })
    const { secret: second } = await world.webhooks.endpoints.rotateSecret(id)
    const stored = JSON.stringify(await rowOf(storage, id))
    const request = await send(world)
    for (const secret of [first, second]) {
      expect(stored).not.toContain(secret.slice('whsec_'.length))
      expectVerified(request, secret)
    }
  })

  test('a v1a key is encrypted as well', async () => {
    const storage = memoryStorage()
    const { webhooks } = instance(storage, [newKey], 1)
    const { id } = await webhooks.endpoints.create({ url, events: ['*'], signature: 'v1a' })
    expect((await rowOf(storage, id)).secrets[0]?.value).not.toContain('whsk_')
    expect((await webhooks.endpoints.test(id)).error).toBeNull()
  })
})

describe('keys', () => {
  test('values from before encryption go on working, and reencrypt takes them in', async () => {
    const storage = memoryStorage()
    const { webhooks } = instance(storage, undefined, 1)
    const { id, secret } = await webhooks.endpoints.create({ url, events: ['*'], headers })

    const after = instance(storage, [newKey], 2)
    expect((await after.webhooks.endpoints.test(id)).error).toBeNull()
    expectVerified(await send(after), secret)
    expect(await after.webhooks.endpoints.reencrypt()).toEqual({ changed: 1, unreadable: [] })
    const stored = JSON.stringify(await rowOf(storage, id))
    expect(stored).not.toContain(secret.slice('whsec_'.length))
    expect(stored).not.toContain(headers['X-Api-Key'])
    expectVerified(await send(after), secret)
  })

  test('every key opens, the first one seals, and after reencrypt the old one can go', async () => {
    const storage = memoryStorage()
    const before = instance(storage, [oldKey], 1)
    const { id } = await before.webhooks.endpoints.create({ url, events: ['*'], headers })
    await before.webhooks.endpoints.rotateSecret(id)

    const both = instance(storage, [newKey, oldKey], 2)
    expect((await both.webhooks.endpoints.test(id)).error).toBeNull()
    expect(await both.webhooks.endpoints.reencrypt()).toEqual({ changed: 1, unreadable: [] })
    expect(await both.webhooks.endpoints.reencrypt()).toEqual({ changed: 0, unreadable: [] })

    const after = instance(storage, [newKey], 3)
    expect((await after.webhooks.endpoints.test(id)).error).toBeNull()
    expect(after.receiver(url).requests[0]?.headers['x-api-key']).toBe(headers['X-Api-Key'])
    expect(await after.webhooks.endpoints.reencrypt()).toEqual({ changed: 0, unreadable: [] })
  })

  test('reencrypt reaches every endpoint of its tenant, and none of another', async () => {
    const storage = memoryStorage()
    const before = instance(storage, [oldKey], 1)
    const create = (tenantId: string) =>
      before.webhooks.endpoints.create({ tenantId, url, events: ['*'] })
    for (let count = 0; count < 1_001; count++) await create('many')
    const other = await create('other')
    const stored = await rowOf(storage, other.id, 'other')

    const { webhooks } = instance(storage, [newKey, oldKey], 2)
    const face = webhooks.forTenant('many')
    expect(await face.endpoints.reencrypt()).toEqual({ changed: 1_001, unreadable: [] })
    expect(await rowOf(storage, other.id, 'other')).toEqual(stored)
  })

  /** Three tenants with 700 endpoints each under the old key. */
  async function manyTenants() {
    const storage = memoryStorage()
    const before = instance(storage, [oldKey], 1)
    for (let count = 0; count < 2_100; count++) {
      const tenantId = `tenant-${count % 3}`
      await before.webhooks.endpoints.create({ tenantId, url, events: ['*'] })
    }
    return storage
  }

  test('one reencrypt reaches the endpoints of all tenants, however often it dies', async () => {
    const storage = await manyTenants()
    let writes = 0
    const dying: Storage = {
      ...storage,
      updateEndpoint: (params) => {
        if (writes++ > 800) throw new Error('killed')
        return storage.updateEndpoint(params)
      },
    }
    const killed = instance(dying, [newKey, oldKey], 2)
    await expect(killed.webhooks.reencrypt()).rejects.toMatchObject({ code: 'storage_failed' })
    const { webhooks } = instance(storage, [newKey, oldKey], 3)
    const nothing = { unreadable: [], nextCursor: null }
    expect(await webhooks.reencrypt()).toEqual({ changed: 2_100 - 801, ...nothing })
    // Now the old key can go.
    const after = instance(storage, [newKey], 4)
    expect(await after.webhooks.reencrypt()).toEqual({ changed: 0, ...nothing })
  })

  test('reencrypt writes a few endpoints at once, and stops at a fault', async () => {
    const storage = await manyTenants()
    let [writes, underWay, most] = [0, 0, 0]
    const slow: Storage = {
      ...storage,
      async updateEndpoint(params) {
        const write = ++writes
        underWay += 1
        most = Math.max(most, underWay)
        await new Promise((resolve) => setImmediate(resolve))
        underWay -= 1
        if (write === 100) throw new Error('connection lost')
        return storage.updateEndpoint(params)
      },
    }
    const { webhooks } = instance(slow, [newKey, oldKey], 2)
    await expect(webhooks.reencrypt()).rejects.toMatchObject({ code: 'storage_failed' })
    expect(most).toBe(4)
    expect(underWay).toBe(0)
    expect(writes).toBeLessThanOrEqual(100 + 4)
  })

  test('reencrypt with a limit goes on from its cursor, in batches of bounded size', async () => {
    const storage = await manyTenants()
    const sizes: number[] = []
    const watched: Storage = {
      ...storage,
      async listAllEndpoints(params) {
        const page = await storage.listAllEndpoints(params)
        sizes.push(page.length)
        return page
      },
    }
    const { webhooks } = instance(watched, [newKey, oldKey], 2)
    const changed: number[] = []
    let cursor: string | null = null
    do {
      const result: Awaited<ReturnType<typeof webhooks.reencrypt>> = await webhooks.reencrypt({
        limit: 800,
        cursor,
      })
      changed.push(result.changed)
      cursor = result.nextCursor
    } while (cursor !== null)
    expect(changed).toEqual([800, 800, 500])
    expect(Math.max(...sizes)).toBe(500)
    await expect(webhooks.reencrypt({ limit: 0 })).rejects.toMatchObject({ code: 'invalid_option' })
  })

  test('reencrypt overwrites nobody who changes the endpoint meanwhile', async () => {
    const storage = memoryStorage()
    const before = instance(storage, [oldKey], 1)
    const { id } = await before.webhooks.endpoints.create({ url, events: ['*'], headers })
    const { webhooks } = instance(
      {
        ...storage,
        async listEndpoints(params) {
          const page = await storage.listEndpoints(params)
          await before.webhooks.endpoints.update(id, { headers: { 'X-Api-Key': 'meanwhile' } })
          return page
        },
      },
      [newKey, oldKey],
      2,
    )
    expect(await webhooks.endpoints.reencrypt()).toEqual({ changed: 1, unreadable: [] })
    const after = instance(storage, [newKey], 3)
    await after.webhooks.endpoints.test(id)
    expect(after.receiver(url).requests[0]?.headers['x-api-key']).toBe('meanwhile')
  })

  test('reencrypt names what no key opens, and leaves it as it is', async () => {
    const storage = memoryStorage()
    const before = instance(storage, [oldKey], 1)
    const lost = await before.webhooks.endpoints.create({ url, events: ['*'], headers })
    const stored = await rowOf(storage, lost.id)
    const { webhooks } = instance(storage, [newKey], 2)
    const kept = await webhooks.endpoints.create({ url, events: ['*'] })
    expect(await webhooks.endpoints.reencrypt()).toEqual({ changed: 0, unreadable: [lost.id] })
    expect(await rowOf(storage, lost.id)).toEqual(stored)
    expect((await webhooks.endpoints.test(kept.id)).error).toBeNull()
  })

  test('reencrypt lets expired secrets go', async () => {
    const storage = memoryStorage()
    const { webhooks, advance } = instance(storage, [newKey], 1)
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    await webhooks.endpoints.rotateSecret(id)
    await advance({ hours: 25 })
    expect(await webhooks.endpoints.reencrypt()).toEqual({ changed: 1, unreadable: [] })
    expect((await rowOf(storage, id)).secrets).toHaveLength(1)
  })

  test('reencrypt without encryption says what is missing', async () => {
    const { webhooks } = createTestWebhooks({ events })
    await expect(webhooks.endpoints.reencrypt()).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('encryption.keys'),
    })
  })

  const base64 = newKey.toString('base64')
  test.each([
    ['base64', base64],
    ['base64 without padding', base64.replace('=', '')],
    ['bytes', new Uint8Array(newKey)],
  ])('may be %s', async (_, given) => {
    const storage = memoryStorage()
    const { webhooks } = instance(storage, [newKey], 1)
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    const other = createTestWebhooks({ events, storage, encryption: { keys: [given] } })
    expect((await other.webhooks.endpoints.test(id)).error).toBeNull()
  })

  test.each([
    ['no list', base64],
    ['an empty list', []],
    ['31 bytes', [new Uint8Array(31)]],
    ['33 bytes in base64', [Buffer.alloc(33, 7).toString('base64')]],
    ['hex', [newKey.toString('hex')]],
    ['URL-safe base64', [Buffer.alloc(32, 0xff).toString('base64url')]],
    ['a number', [7]],
  ])('are refused: %s, without a word of them', (_, keys) => {
    const create = () => createTestWebhooks({ events, encryption: { keys: keys as string[] } })
    expect(create).toThrow(expect.objectContaining({ code: 'invalid_option' }))
    const text = [keys].flat().find((key) => typeof key === 'string') ?? 'no text'
    expect(create).not.toThrow(text.slice(0, 8))
  })
})

describe('a value that cannot be opened', () => {
  /** An endpoint whose row was changed by somebody who can write to the database. */
  async function tamperWith(change: (storage: Storage, id: string) => Promise<void>) {
    const storage = memoryStorage()
    const world = instance(storage, [newKey], 1)
    const { id } = await world.webhooks.endpoints.create({ url, events: ['*'], headers })
    await change(storage, id)
    return { ...world, id }
  }

  async function write(
    storage: Storage,
    id: string,
    changes: Parameters<Storage['updateEndpoint']>[0]['changes'],
  ) {
    await storage.updateEndpoint({ tenantId: 'default', id, changes, now: new Date(0) })
  }

  const cases: [string, (storage: Storage, id: string) => Promise<void>, RegExp][] = [
    [
      'copied from another endpoint',
      async (storage, id) => {
        const { webhooks } = instance(storage, [newKey], 2)
        const other = await webhooks.endpoints.create({ url, events: [`user.created`], headers })
        const { secrets, headers: copied } = await rowOf(storage, other.id)
        await write(storage, id, { secrets, headers: copied })
      },
      /changed in the database or copied/,
    ],
    [
      'a secret moved among the headers',
      async (storage, id) => {
        const { secrets } = await rowOf(storage, id)
        await write(storage, id, { headers: { 'x-stolen': secrets[0]?.value ?? '' } })
      },
      /header x-stolen of endpoint ep_\w+ cannot be decrypted/,
    ],
    [
      'changed in one bit',
      async (storage, id) => {
        const { secrets } = await rowOf(storage, id)
        const changed = secrets.map((secret) => ({
          ...secret,
          value: secret.value.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')),
        }))
        await write(storage, id, { secrets: changed })
      },
      /signing secret of endpoint ep_\w+ cannot be decrypted/,
    ],
    [
      'cut short',
      async (storage, id) => {
        const { secrets } = await rowOf(storage, id)
        const cut = secrets.map((secret) => ({ ...secret, value: secret.value.slice(0, 16) }))
        await write(storage, id, { secrets: cut })
      },
      /cannot be decrypted/,
    ],
  ]

  test.each(cases)('%s: a fault of ours, and nothing is sent', async (_, change, message) => {
    const { webhooks, settle, receiver, id } = await tamperWith(change)
    await webhooks.emit('order.paid', { orderId: 'o-1' })
    await settle()
    expect(receiver(url).requests).toEqual([])
    const [delivery] = (await webhooks.deliveries.list({ endpointId: id })).items
    expect(delivery).toMatchObject({
      status: 'pending',
      attempts: 0,
      lastError: { code: 'internal', origin: 'sender', message: expect.stringMatching(message) },
    })
    expect((await webhooks.endpoints.get(id)).failedAttempts).toBe(0)
  })

  test('is delivered once it is set anew, and meanwhile disturbs nobody', async () => {
    const { webhooks, settle, advance, receiver, id } = await tamperWith((storage, id) =>
      write(storage, id, { headers: { 'x-api-key': '§1.00000000.AAAA' } }),
    )
    const healthy = 'https://other.example/'
    await webhooks.endpoints.create({ url: healthy, events: ['*'] })
    await webhooks.emit('order.paid', { orderId: 'o-1' })
    await settle()
    expect(receiver(healthy).types).toEqual(['order.paid'])
    await webhooks.endpoints.update(id, { headers })
    await advance({ minutes: 1 })
    expect(receiver(url).types).toEqual(['order.paid'])
  })

  test.each([
    ['its key is missing', [oldKey], /not among encryption\.keys: add that key/],
    ['there is no encryption any more', undefined, /pass encryption\.keys/],
  ])('because %s: never sent as it is stored', async (_, keys, message) => {
    const storage = memoryStorage()
    const { webhooks } = instance(storage, [newKey], 1)
    const { id } = await webhooks.endpoints.create({ url, events: ['*'], headers })
    const after = instance(storage, keys, 2)
    const attempt = await after.webhooks.endpoints.test(id)
    expect(attempt.error).toMatchObject({
      origin: 'sender',
      message: expect.stringMatching(message),
    })
    expect(after.requests).toEqual([])
  })
})

describe('the box', () => {
  const place = { tenantId: 'a', endpointId: 'ep_1', name: 'signing secret' }

  test('opens what it sealed at its place, and at no other, whatever the text', () => {
    const box = new SecretBox({ keys: [newKey] }, seededRandom(1))
    const texts = fc.string({ unit: 'binary' })
    const places = fc.record({
      tenantId: fc.constantFrom('a', 'a\0', 'b', '\u{1f600}'),
      endpointId: fc.constantFrom('ep_1', 'ep_2'),
      name: fc.constantFrom('signing secret', 'header x', 'header y'),
    })
    fc.assert(
      fc.property(texts, places, places, (text, place, other) => {
        const sealed = box.seal(text, place)
        expect(box.open(sealed, place)).toBe(text)
        if (JSON.stringify(place) === JSON.stringify(other)) return
        expect(() => box.open(sealed, other)).toThrow(/cannot be decrypted/)
        expect(box.open(sealed, place)).toBe(text)
      }),
    )
  })

  test('seals the same text differently each time', () => {
    const box = new SecretBox({ keys: [newKey] }, seededRandom(1))
    const sealed = Array.from({ length: 100 }, () => box.seal('whsec_x', place))
    expect(new Set(sealed).size).toBe(100)
  })

  test('takes a tenant id back with its lone surrogates replaced, as storage may give it', () => {
    const box = new SecretBox({ keys: [newKey] }, seededRandom(1))
    const sealed = box.seal('text', { ...place, tenantId: 'x\ud800y' })
    expect(box.open(sealed, { ...place, tenantId: 'x\ufffdy' })).toBe('text')
  })

  test('refuses whatever somebody writes in its form', () => {
    const box = new SecretBox({ keys: [newKey] }, seededRandom(1))
    const sealed = box.seal('text', place)
    const isRefused = (tail: string, cut: number) => {
      const forged = `§1.${sealed.slice(3, cut)}${tail}`
      if (forged === sealed) return
      expect(() => box.open(forged, place)).toThrow(
        expect.objectContaining({ code: 'decryption_failed' }),
      )
    }
    const examples: [string, number][] = [
      // The last character holds two bits that the decoder drops.
      ...[...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].map(
        (last): [string, number] => [last, sealed.length - 1],
      ),
      ['=', sealed.length],
      ['.x', sealed.length],
      [' ', sealed.length],
    ]
    fc.assert(fc.property(fc.string(), fc.nat(sealed.length), isRefused), { examples })
  })
})
