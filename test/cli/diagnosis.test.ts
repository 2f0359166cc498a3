import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { judge } from '../../src/cli/diagnosis/verdict.ts'
import { sign } from '../../src/core/signing/signer.ts'
import { otherSecret, secret, secretKey } from '../signing/support.ts'

const body = '{"type":"order.paid","data":{"a":1,"name":"ž & co","path":"a/b"}}'
const id = 'msg_1'
const sentAt = new Date('2026-11-23T20:15:04Z')

type Headers = Record<string, string>

/** Headers of a genuine request over some bytes. */
function headersFor(signed: string | Uint8Array, secrets: string = secret): Headers {
  return headersOf(sign({ id, timestamp: sentAt, body: signed, secrets }))
}

function headersOf(signature: string, timestamp = sentAt): Headers {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1000)),
    'webhook-signature': signature,
  }
}

/** A signature over anything, under any key. */
function hmac(key: string | Buffer, content: string): Buffer {
  return createHmac('sha256', key).update(content).digest()
}

/** What is found about a body that came, under the headers of one that was signed. */
async function causesOf(
  came: string | Buffer,
  headers: Headers,
  given: { secrets?: string[]; now?: Date; toleranceMs?: number } = {},
): Promise<string[]> {
  const { secrets = [secret], now = sentAt, toleranceMs = 300_000 } = given
  const received = { body: new Uint8Array(Buffer.from(came)), headers, secrets, now, toleranceMs }
  const { genuine, findings } = await judge(received)
  expect(genuine).toBe(findings.length === 0)
  return findings.map(({ cause }) => cause)
}

const data = JSON.parse(body)
test.each([
  ['indented', JSON.stringify(data, null, 2)],
  [
    'as Python writes it',
    '{"type": "order.paid", "data": {"a": 1, "name": "\\u017e & co", "path": "a/b"}}',
  ],
  ['as PHP writes it', '{"type":"order.paid","data":{"a":1,"name":"\\u017e & co","path":"a\\/b"}}'],
  ['as Go writes it', '{"data":{"a":1,"name":"ž \\u0026 co","path":"a/b"},"type":"order.paid"}'],
  [
    'by echo, with spaces',
    '{ "type":"order.paid", "data":{"a":1,"name":"ž & co","path":"a/b"} }\n',
  ],
])('JSON that was written again, %s', async (_, came) => {
  expect(await causesOf(came, headersFor(body))).toEqual(['json_reserialised'])
  // And the other way round, where what came is ours and the other was signed.
  if (!came.endsWith('\n')) {
    expect(await causesOf(body, headersFor(came))).toEqual(['json_reserialised'])
  }
})

test.each([
  ['a line break at the end', `${body}\n`],
  ['CR LF at the end', `${body}\r\n`],
])('%s, added or lost', async (_, other) => {
  expect(await causesOf(other, headersFor(body))).toEqual(['line_break'])
  expect(await causesOf(body, headersFor(other))).toEqual(['line_break'])
})

test('line breaks that were rewritten', async () => {
  const pretty = JSON.stringify(data, null, 2)
  const came = pretty.replaceAll('\n', '\r\n')
  expect(await causesOf(came, headersFor(pretty))).toEqual(['line_break'])
})

test.each([
  ['UTF-8 read as Latin-1', Buffer.from(Buffer.from(body).toString('latin1'))],
  ['UTF-8 written as Latin-1', Buffer.from('{"n":"é"}', 'latin1'), '{"n":"é"}'],
  ['a byte order mark', Buffer.from(`\ufeff${body}`)],
  ['base64, as serverless platforms give it', Buffer.from(Buffer.from(body).toString('base64'))],
])('%s', async (_, came, signed = body) => {
  expect(await causesOf(came, headersFor(signed))).toEqual(['encoding'])
})

test('a body that was lost before it was signed', async () => {
  expect(await causesOf(body, headersFor(''))).toEqual(['body_lost'])
})

test('a secret that is read as text', async () => {
  for (const key of [secret, secret.replace('whsec_', '')]) {
    const signature = hmac(key, `${id}.${sentAt.getTime() / 1000}.${body}`).toString('base64')
    expect(await causesOf(body, headersOf(`v1,${signature}`))).toEqual(['secret_form'])
  }
})

test('a secret with white space around it, and one in URL-safe base64', async () => {
  const urlSafe = 'whsec_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_'
  const standard = urlSafe.replaceAll('-', '+').replaceAll('_', '/').replace('whsec/', 'whsec_')
  for (const [given, own] of [
    [` ${secret}`, secret],
    [urlSafe, standard],
  ] as const) {
    const found = await causesOf(body, headersFor(body, own), { secrets: [given] })
    expect(found).toEqual(['secret_invalid', 'secret_form'])
  }
})

test('the secret of another endpoint', async () => {
  expect(await causesOf(body, headersFor(body, otherSecret))).toEqual(['wrong_secret'])
  expect(await causesOf(body, headersFor(body, secretKey))).toEqual(['wrong_secret'])
})

test('a body with other content', async () => {
  const came = '{"type": "order.paid", "data": {"a": 2}}'
  expect(await causesOf(came, headersFor(body))).toEqual(['body_changed'])
})

test('the clock, apart from the signature', async () => {
  const headers = headersFor(body)
  const now = new Date('2026-11-24')
  expect(await causesOf(body, headers, { now })).toEqual(['clock'])
  expect(await causesOf(`${body}\n`, headers, { now })).toEqual(['clock', 'line_break'])
  expect(await causesOf(body, headers, { now, toleranceMs: 86_400_000 })).toEqual([])
})

test('a timestamp that was set anew', async () => {
  const signature = sign({ id, timestamp: sentAt, body, secrets: secret })
  const later = headersOf(signature, new Date(sentAt.getTime() + 90_000))
  expect(await causesOf(body, later)).toEqual(['timestamp_changed'])
})

test.each([
  ['the body alone', (content: string) => content],
  ['timestamp and body', (content: string) => `${sentAt.getTime() / 1000}.${content}`],
])('a sender of another rule: %s', async (_, contentOf) => {
  const key = Buffer.from(secret.slice(6), 'base64')
  const signature = hmac(key, contentOf(body)).toString('base64')
  expect(await causesOf(body, headersOf(`v1,${signature}`))).toEqual(['signed_content'])
})

test.each([
  ['hex', (bytes: Buffer) => `v1,${bytes.toString('hex')}`],
  ['no version', (bytes: Buffer) => bytes.toString('base64')],
])('a signature of another form: %s', async (_, write) => {
  const genuine = sign({ id, timestamp: sentAt, body, secrets: secret })
  const bytes = Buffer.from(genuine.slice(3), 'base64')
  expect(await causesOf(body, headersOf(write(bytes)))).toEqual(['signature_form'])
})

test('a header that is missing, or is none', async () => {
  const { 'webhook-signature': _, ...others } = headersFor(body)
  expect(await causesOf(body, others)).toEqual(['header_missing'])
  expect(await causesOf(body, headersOf('v2,abc'))).toEqual(['header_invalid'])
})

test('two things at once', async () => {
  const came = JSON.stringify(data, null, 2)
  const signature = hmac(secret, `${id}.${sentAt.getTime() / 1000}.${body}`).toString('base64')
  expect(await causesOf(came, headersOf(`v1,${signature}`))).toEqual([
    'json_reserialised',
    'secret_form',
  ])
})

test('a body of white space takes no longer than any other', async () => {
  // Tried from each of its places, a run as long as this would take minutes.
  const spaced = `{"a":"${' '.repeat(400_000)}b"}`
  const base64 = `${'QUJD'.repeat(50_000)}${' '.repeat(200_000)}!`
  for (const came of [spaced, base64]) {
    expect(await causesOf(came, headersFor(body))).toHaveLength(1)
  }
})

test('a body that is nested too deep to be written, or very large, still gets an answer', async () => {
  const deep = `{"type":"a","data":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
  const large = JSON.stringify({ type: 'a', data: 'x'.repeat(2_000_000) })
  for (const came of [deep, large]) {
    expect(await causesOf(came, headersFor(body))).toHaveLength(1)
    expect(await causesOf(`${came}\n`, headersFor(came))).toEqual(['line_break'])
  }
})
