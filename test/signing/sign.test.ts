import { describe, expect, it } from 'vitest'
import { generateSecret } from '../../src/core/signing/secrets.ts'
import { sign } from '../../src/core/signing/signer.ts'
import {
  body,
  countingRandom,
  headersOf,
  id,
  otherSecret,
  secret,
  secretKey,
  sentAt,
  verifyByReference,
} from './support.ts'

const message = { id, timestamp: sentAt, body, secrets: [secret] }
const published = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

describe('sign', () => {
  it('gives the published vector', () => {
    expect(sign(message)).toBe(published)
  })

  it('takes one secret as well as a list', () => {
    expect(sign({ ...message, secrets: secret })).toBe(published)
  })

  it('signs bytes as it signs the text they encode', () => {
    const text = '{"n":"žluťoučký 🐎"}'
    const bytes = new TextEncoder().encode(text)
    for (const secrets of [[secret], [secretKey]]) {
      const signature = sign({ ...message, body: bytes, secrets })
      expect(signature).toBe(sign({ ...message, body: text, secrets }))
    }
  })

  it('signs with every secret, in the order given', () => {
    const signature = sign({ ...message, secrets: [otherSecret, secretKey, secret] })
    expect(signature.split(' ').map((each) => each.split(',')[0])).toEqual(['v1', 'v1a', 'v1'])
    expect(signature.split(' ')[2]).toBe(published)
    verifyByReference(body, headersOf(signature), otherSecret)
    verifyByReference(body, headersOf(signature), secret)
  })

  it('cuts off fractions of a second, as the header does', () => {
    expect(sign({ ...message, timestamp: new Date(sentAt.getTime() + 999) })).toBe(published)
  })

  it('reads a key with its padding or without', () => {
    const padded = 'whsec_FM3PqtNxyr9yVtbVTXr9KBGyr+FH6XEOaNc='
    const unpadded = padded.slice(0, -1)
    expect(sign({ ...message, secrets: [unpadded] })).toBe(sign({ ...message, secrets: [padded] }))
  })

  it('reads a whsk_ key as seed alone, as other libraries write it', () => {
    const both = Buffer.from(secretKey.slice('whsk_'.length), 'base64')
    const seedOnly = `whsk_${both.subarray(0, 32).toString('base64')}`
    expect(sign({ ...message, secrets: [seedOnly] })).toBe(
      sign({ ...message, secrets: [secretKey] }),
    )
  })

  it('keeps its keys apart when there are more than it remembers', () => {
    const secrets = Array.from({ length: 1_100 }, (_, index) => {
      const bytes = Buffer.alloc(24, 'key ')
      bytes.writeUInt32BE(index)
      return `whsec_${bytes.toString('base64')}`
    })
    const first = secrets.map((each) => sign({ ...message, secrets: [each] }))
    const second = secrets.map((each) => sign({ ...message, secrets: [each] }))
    expect(second).toEqual(first)
    expect(new Set(first).size).toBe(secrets.length)
    expect(sign(message)).toBe(published)
  })

  it('refuses an id that holds a dot: part of the body could pass for part of it', () => {
    expect(sign({ ...message, id: 'a', body: 'x.1614265330.y' })).toMatch(/^v1,/)
    expect(() => sign({ ...message, id: 'a.1614265330.x', body: 'y' })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    )
  })

  it.each([
    ['no secret', { secrets: [] }, 'invalid_secret'],
    ['an id with a line break', { id: 'evt_1\r\nx: y' }, 'invalid_option'],
    ['an id with a space', { id: 'evt 1' }, 'invalid_option'],
    ['an id of 257 characters', { id: 'e'.repeat(257) }, 'invalid_option'],
    ['a timestamp in seconds', { timestamp: 1_614_265_330 as unknown as Date }, 'invalid_option'],
    ['a body that is an object', { body: { a: 1 } as unknown as string }, 'invalid_option'],
  ] as const)('refuses %s', (_, change, code) => {
    expect(() => sign({ ...message, ...change })).toThrow(expect.objectContaining({ code }))
  })

  it('takes an id of 256 characters', () => {
    expect(sign({ ...message, id: 'e'.repeat(256) })).toMatch(/^v1,/)
  })

  it('signs nothing when one of several secrets is bad', () => {
    const secrets = [generateSecret(countingRandom()), 'whsec_short']
    expect(() => sign({ ...message, secrets })).toThrow(
      expect.objectContaining({ code: 'invalid_secret' }),
    )
  })
})
