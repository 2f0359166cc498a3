import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTestWebhooks, events } from '../support.ts'

const url = 'https://shop.example/hooks'
const ours = [
  'content-type',
  'accept-encoding',
  'user-agent',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
]
/** RFC 9110, sections 7.6.1 and 5.6.2, the fetch standard's forbidden names, and our own. */
const forbidden = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'content-length',
  'content-encoding',
  'cookie',
  ...ours,
]

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/)
const name = token.filter((text) => {
  const lower = text.toLowerCase()
  return !forbidden.includes(lower) && !lower.startsWith('webhook-')
})
/** Long enough to be told from what stands there anyway. */
const value = fc.stringMatching(/^[!-~][ -~]{14,60}[!-~]$/)

describe('custom headers', () => {
  test('are sent as given, under lower-case names, and ours stay ours', async () => {
    const given = fc.uniqueArray(fc.tuple(name, value), {
      maxLength: 20,
      selector: ([text]) => text.toLowerCase(),
    })
    await fc.assert(
      fc.asyncProperty(given, async (entries) => {
        const { webhooks, requests } = createTestWebhooks({ events })
        const headers = Object.fromEntries(entries)
        const { id } = await webhooks.endpoints.create({ url, events: ['*'], headers })
        await webhooks.endpoints.test(id)
        const sent = { ...requests[0]?.headers }
        for (const [text, value] of entries) {
          expect(Object.getOwnPropertyDescriptor(sent, text.toLowerCase())?.value).toBe(value)
        }
        const names = [...entries.map(([text]) => text.toLowerCase()), ...ours]
        expect(Object.keys(sent).sort()).toEqual(names.sort())
      }),
    )
  })

  test('are never shown again, by whatever call', async () => {
    await fc.assert(
      fc.asyncProperty(name, value, value, async (name, first, second) => {
        const { webhooks, receiver, settle } = createTestWebhooks({ events })
        receiver(url).answer(500)
        const told: unknown[] = []
        webhooks.on('delivery.attempt.failed', (notification) => told.push(notification))
        webhooks.on('endpoint.disabled', (notification) => told.push(notification))
        const { endpoints } = webhooks
        const { secret, ...created } = await endpoints.create({
          url,
          events: ['*'],
          headers: { [name]: first },
        })
        const { id } = created
        await webhooks.emit('order.paid', { orderId: 'o-1' })
        await settle()
        const [delivery] = (await webhooks.deliveries.list()).items
        told.push(
          created,
          await webhooks.deliveries.attempts(delivery?.id ?? ''),
          await endpoints.get(id),
          await endpoints.update(id, { headers: { [name]: second } }),
          await endpoints.list(),
          await webhooks.explain('order.paid', { orderId: 'o-1' }),
          await endpoints.test(id),
          await endpoints.disable(id),
          await endpoints.enable(id),
        )
        const { secret: rotated, ...endpoint } = await endpoints.rotateSecret(id)
        const written = inspect([...told, endpoint], { depth: 20 }) + JSON.stringify(told)
        for (const text of [first, second, secret, rotated]) expect(written).not.toContain(text)
        expect((await endpoints.get(id)).headerNames).toEqual([name.toLowerCase()])
      }),
      { numRuns: 30 },
    )
  })

  test('whatever a stranger gives: refused, or one line on the wire', async () => {
    const { webhooks, requests } = createTestWebhooks({ events })
    const { id } = await webhooks.endpoints.create({ url, events: ['*'] })
    const breaks = fc.constantFrom(
      '\r',
      '\n',
      '\0',
      '\x7f',
      ' ',
      '\t',
      ':',
      '\u{10a}',
      '\u2028',
      'é',
    )
    const text = fc.array(fc.oneof(breaks, fc.string({ maxLength: 3 }), token), { maxLength: 4 })
    const line = text.map((parts) => parts.join(''))
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(fc.oneof(token, line), fc.oneof(value, line), async (name, value) => {
        const change = webhooks.endpoints.update(id, { headers: { [name]: value } })
        const refused: unknown = await change.then(() => null).catch((error: unknown) => error)
        if (refused !== null) {
          expect(refused).toMatchObject({ code: 'invalid_header' })
          return
        }
        accepted++
        await webhooks.endpoints.test(id)
        const sent = requests.at(-1)?.headers ?? {}
        expect(Object.keys(sent)).toHaveLength(ours.length + 1)
        for (const [name, value] of Object.entries(sent)) {
          expect(name).toMatch(/^[!-9;-~]+$/)
          expect(value).toMatch(/^[!-~]([ -~]*[!-~])?$/)
        }
      }),
      { numRuns: 500 },
    )
    expect(accepted).toBeGreaterThan(20)
  })

  test.each(forbidden)('%s is not free, however it is spelled', async (name) => {
    const { webhooks } = createTestWebhooks({ events })
    const spellings = [name, name.toUpperCase(), name.replace(/^./, (first) => first.toUpperCase())]
    for (const spelling of spellings) {
      const create = webhooks.endpoints.create({ url, events: ['*'], headers: { [spelling]: 'x' } })
      await expect(create).rejects.toMatchObject({ code: 'invalid_header' })
    }
  })

  test.each([
    ['webhook-anything', 'x'],
    ['x'.repeat(129), 'x'],
    ['x-long', 'x'.repeat(1_025)],
    ['x-empty', ''],
    ['', 'x'],
  ])('%s: %s is refused', async (name, value) => {
    const { webhooks } = createTestWebhooks({ events })
    const create = webhooks.endpoints.create({ url, events: ['*'], headers: { [name]: value } })
    await expect(create).rejects.toMatchObject({ code: 'invalid_header' })
  })

  test.each([
    ['a list', ['x']],
    ['a text', 'x-api-key: x'],
    ['null', null],
    ['a number as value', { 'x-a': 1 }],
    ['a list as value', { 'x-a': ['x'] }],
    ['the same name twice', { 'X-A': 'x', 'x-a': 'x' }],
    ['21 of them', Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`x-${at}`, 'x']))],
  ])('%s: refused', async (_, headers) => {
    const { webhooks } = createTestWebhooks({ events })
    const given = headers as unknown as Record<string, string>
    const create = webhooks.endpoints.create({ url, events: ['*'], headers: given })
    await expect(create).rejects.toMatchObject({ code: 'invalid_header' })
  })
})
