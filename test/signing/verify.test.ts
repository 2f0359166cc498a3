import { describe, expect, it } from 'vitest'
import { sign } from '../../src/core/signing/signer.ts'
import { isWebhooksError, verify, type WebhookHeaders } from '../../src/receiver/index.ts'
import {
  body as bodyOfVector,
  headersOf,
  id,
  otherSecret,
  publicKey,
  secret,
  secretKey,
  sentAt,
} from './support.ts'

const data = { id: 'doc_1', words: 1_204 }
const body = JSON.stringify({
  type: 'document.processed',
  timestamp: '2021-02-25T15:02:09.123Z',
  data,
})
const signature = sign({ id, timestamp: sentAt, body, secrets: [secret] })
const headers = headersOf(signature)
const now = sentAt

function signed(text: string | Uint8Array): Record<string, string> {
  return headersOf(sign({ id, timestamp: sentAt, body: text, secrets: [secret] }))
}

describe('verify', () => {
  it('gives the event', async () => {
    expect(await verify(body, headers, secret, { now })).toEqual({
      id,
      type: 'document.processed',
      timestamp: new Date('2021-02-25T15:02:09.123Z'),
      data,
    })
  })

  it('accepts the published vector', async () => {
    const published = headersOf('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
    await verify(bodyOfVector, published, secret, { now })
  })

  it.each([
    ['text', body],
    ['a Buffer', Buffer.from(body)],
    ['a Uint8Array', new TextEncoder().encode(body)],
    ['an ArrayBuffer', new TextEncoder().encode(body).buffer],
    ['a part of a larger buffer', Buffer.from(`--${body}--`).subarray(2, -2)],
  ])('takes the body as %s', async (_, given) => {
    expect((await verify(given, headers, secret, { now })).data).toEqual(data)
  })

  const capitals = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
  )
  const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]))
  it.each<[string, WebhookHeaders]>([
    ['Headers', new Headers(headers)],
    ['a record in capitals', capitals],
    ['a record of lists', lists],
    ['a record with more in it', { ...headers, host: 'a.example', 'set-cookie': ['a', 'b'] }],
    ['a record with gaps', { 'x-none': undefined, ...headers }],
    ['a Map', new Map(Object.entries(headers)) as unknown as WebhookHeaders],
  ])('takes headers as %s', async (_, given) => {
    expect((await verify(body, given, secret, { now })).id).toBe(id)
  })

  it('lets any signature match any secret', async () => {
    const list = sign({ id, timestamp: sentAt, body, secrets: [otherSecret, secretKey, secret] })
    const secrets = [secret, otherSecret, publicKey]
    for (const each of secrets) await verify(body, headersOf(list), each, { now })
    for (const each of list.split(' ')) await verify(body, headersOf(each), secrets, { now })
  })

  it('passes over versions and elements that it does not know', async () => {
    const list = `v2,AAAA nonsense ,,, v1a, v1, ${signature} v3,BBBB`
    await verify(body, headersOf(list), secret, { now })
  })

  it('does not take an Ed25519 signature without its padding or with other bytes after it', async () => {
    const asymmetric = sign({ id, timestamp: sentAt, body, secrets: [secretKey] })
    await verify(body, headersOf(asymmetric), publicKey, { now })
    for (const wrong of [asymmetric.slice(0, -2), `${asymmetric}=`, 'v1a,AAAA', 'v1a,']) {
      await expect(verify(body, headersOf(wrong), publicKey, { now })).rejects.toMatchObject({
        code: 'signature_mismatch',
      })
    }
  })
})

describe('the body', () => {
  it('is given whole where data stands at its top level, as the specification allows', async () => {
    const squashed = '{"type":"user.created","user":"usr_1"}'
    expect(await verify(squashed, signed(squashed), secret, { now })).toEqual({
      id,
      type: 'user.created',
      timestamp: sentAt,
      data: { type: 'user.created', user: 'usr_1' },
    })
  })

  it.each([
    ['an object without a type', '{"test":1}', { test: 1 }],
    ['a list', '[1,2]', [1, 2]],
    ['null', 'null', null],
    ['a number', '7', 7],
    ['nothing', '', undefined],
  ])('may be %s', async (_, text, whole) => {
    expect(await verify(text, signed(text), secret, { now })).toEqual({
      id,
      type: '',
      timestamp: sentAt,
      data: whole,
    })
  })

  it.each([null, 0, false, ''])('keeps data that is %j', async (value) => {
    const text = JSON.stringify({ type: 'a', timestamp: '2021-02-25T15:02:09Z', data: value })
    expect((await verify(text, signed(text), secret, { now })).data).toBe(value)
  })

  it('does not read an odd timestamp as some date', async () => {
    for (const timestamp of ['1', '2021-02-31T99:00:00Z', 1_614_265_330, null]) {
      const text = JSON.stringify({ type: 'a', timestamp, data: {} })
      expect((await verify(text, signed(text), secret, { now })).timestamp).toEqual(sentAt)
    }
  })

  it('may begin with a byte order mark', async () => {
    const text = `\ufeff${body}`
    expect((await verify(Buffer.from(text), signed(text), secret, { now })).data).toEqual(data)
  })

  it.each([
    ['no JSON', 'token=s3cr3t'],
    ['not UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
  ])('is refused after its signature if it is %s, and is not quoted', async (_, given) => {
    const error = await verify(given, signed(given), secret, { now }).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'signature_body_invalid' })
    expect(error.cause).toBeUndefined()
    expect(error.message).not.toContain('s3cr3t')
  })

  it.each([
    ['an object', JSON.parse(body)],
    ['undefined', undefined],
    ['null', null],
  ])('is refused with advice if it is %s', async (_, given) => {
    await expect(verify(given, headers, secret, { now })).rejects.toMatchObject({
      code: 'signature_body_invalid',
      message: expect.stringContaining('express.raw'),
    })
  })
})

describe('the time', () => {
  const at = (ms: number) => new Date(sentAt.getTime() + ms)

  it.each([0, 300_000, -300_000])('may be %i ms away', async (ms) => {
    await verify(body, headers, secret, { now: at(ms) })
  })

  it.each([
    [300_001, 'signature_timestamp_expired'],
    [-300_001, 'signature_timestamp_in_future'],
  ])('may not be %i ms away', async (ms, code) => {
    await expect(verify(body, headers, secret, { now: at(ms) })).rejects.toMatchObject({ code })
  })

  it('is judged by the tolerance given', async () => {
    await verify(body, headers, secret, { now: at(1_000), toleranceMs: 1_000 })
    await verify(body, headers, secret, { now: at(0), toleranceMs: 0 })
    await expect(
      verify(body, headers, secret, { now: at(1_001), toleranceMs: 1_000 }),
    ).rejects.toMatchObject({ code: 'signature_timestamp_expired' })
  })

  it('is the present where none is given', async () => {
    const fresh = new Date()
    const list = sign({ id, timestamp: fresh, body, secrets: [secret] })
    await verify(body, headersOf(list, { id, sentAt: fresh }), secret)
    await expect(verify(body, headers, secret)).rejects.toMatchObject({
      code: 'signature_timestamp_expired',
    })
  })

  it.each([
    ['a tolerance that is no number', { now, toleranceMs: Number.NaN }],
    ['a tolerance below zero', { now, toleranceMs: -1 }],
    ['an invalid date', { now: new Date(Number.NaN) }],
  ])('is not judged by %s', async (_, options) => {
    await expect(verify(body, headers, secret, options)).rejects.toMatchObject({
      code: 'invalid_option',
    })
  })

  it.each(['-1', '+1614265330', '1614265330.0', '1614265330, 1614265330', '161426533000', '１６'])(
    'cannot be %j',
    async (timestamp) => {
      await expect(
        verify(body, { ...headers, 'webhook-timestamp': timestamp }, secret, { now }),
      ).rejects.toMatchObject({ code: 'signature_timestamp_invalid' })
    },
  )
})

describe('the headers', () => {
  it.each(Object.keys(headers))('are refused without %s, by its name', async (name) => {
    for (const value of [undefined, '', []]) {
      await expect(
        verify(body, { ...headers, [name]: value }, secret, { now }),
      ).rejects.toMatchObject({
        code: 'signature_header_missing',
        message: expect.stringContaining(name),
      })
    }
  })

  it.each<[string, unknown]>([
    ['an id twice', { ...headers, 'webhook-id': [id, 'evt_other'] }],
    ['a name twice in different case', { ...headers, 'Webhook-Id': 'evt_other' }],
    ['an id with a dot', { ...headers, 'webhook-id': 'a.1614265330.x' }],
    ['an id of 257 characters', { ...headers, 'webhook-id': 'e'.repeat(257) }],
    ['a list of signatures without end', { ...headers, 'webhook-signature': 'v1,A '.repeat(9e4) }],
    ['no object', 'webhook-id: evt_1'],
  ])('are refused with %s', async (_, given) => {
    await expect(verify(body, given as WebhookHeaders, secret, { now })).rejects.toMatchObject({
      code: 'signature_header_invalid',
    })
  })

  it('cannot pass off part of a genuine body as id and time', async () => {
    const genuine = sign({ id: 'a', timestamp: sentAt, body: 'x.1614265331.{}', secrets: [secret] })
    const forged = {
      'webhook-id': 'a.1614265330.x',
      'webhook-timestamp': '1614265331',
      'webhook-signature': genuine,
    }
    await expect(verify('{}', forged, secret, { now })).rejects.toMatchObject({
      code: 'signature_header_invalid',
    })
  })

  it('may hold as many signatures as fit, the right one last', async () => {
    const wrong = sign({ id, timestamp: sentAt, body, secrets: [otherSecret] })
    const many = `${`${wrong} `.repeat(150)}${signature}`
    expect(many.length).toBeLessThan(8_192)
    await verify(body, headersOf(many), secret, { now })
  })
})

describe('a refusal says what to do', () => {
  const asymmetric = sign({ id, timestamp: sentAt, body, secrets: [secretKey] })

  it.each([
    ['a body serialised again', signature, [secret], `${body} `, /serialised again.*express\.raw/],
    ['an Ed25519 signature and a shared secret', asymmetric, [secret], body, /whpk_/],
    ['an HMAC signature and a public key', signature, [publicKey], body, /whsec_/],
    ['no known version', 'v9,AAAA', [secret], body, /neither a v1 nor a v1a/],
  ])('for %s', async (_, list, secrets, given, advice) => {
    await expect(verify(given, headersOf(list), secrets, { now })).rejects.toMatchObject({
      code: 'signature_mismatch',
      message: expect.stringMatching(advice),
    })
  })

  it('for the secret key at the receiver', async () => {
    await expect(verify(body, headers, secretKey, { now })).rejects.toMatchObject({
      code: 'invalid_secret',
      message: expect.stringMatching(/belongs to the sender alone.*whpk_/),
    })
  })

  it.each([
    ['none', []],
    ['undefined', undefined as unknown as string],
    ['one good and one bad', [secret, 'whsec_???']],
    ['a public key of 31 bytes', `whpk_${Buffer.alloc(31).toString('base64')}`],
  ])('for secrets: %s', async (_, secrets) => {
    const error = await verify(body, headers, secrets, { now }).catch((thrown) => thrown)
    expect(isWebhooksError(error, 'invalid_secret')).toBe(true)
  })
})
