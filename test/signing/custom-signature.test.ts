import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { customSignature, signCustom } from '../../src/core/signing/custom-signature.ts'
import { body, id, otherSecret, secret, secretKey, sentAt } from './support.ts'

const message = { id, timestamp: sentAt, body, secrets: [secret, otherSecret] }

function hmac(key: string | Buffer, content: string): Buffer {
  return createHmac('sha256', key).update(content).digest()
}

describe('signCustom', () => {
  it('satisfies the receiver that most people wrote', () => {
    const scheme = customSignature({ header: 'X-AINexLayer-Signature', prefix: 'sha256=' })
    expect(signCustom(scheme, message)).toEqual({
      'x-ainexlayer-signature': `sha256=${hmac(secret, body).toString('hex')}`,
    })
  })

  it('writes base64 without a prefix', () => {
    const scheme = customSignature({ header: 'x-hmac', encoding: 'base64' })
    expect(signCustom(scheme, message)).toEqual({
      'x-hmac': hmac(secret, body).toString('base64'),
    })
  })

  it('signs time and body where the time has a header', () => {
    const scheme = customSignature({ header: 'x-signature', timestampHeader: 'X-Timestamp' })
    expect(signCustom(scheme, message)).toEqual({
      'x-timestamp': '1614265330',
      'x-signature': hmac(secret, `1614265330.${body}`).toString('hex'),
    })
  })

  it('can keep an old secret of any text as the key', () => {
    const oldSecret = 'correct horse battery staple!'
    const stored = `whsec_${Buffer.from(oldSecret).toString('base64')}`
    const scheme = customSignature({ header: 'x-signature', key: 'decoded' })
    expect(signCustom(scheme, { ...message, secrets: [stored] })).toEqual({
      'x-signature': hmac(oldSecret, body).toString('hex'),
    })
  })

  it('signs bytes as it signs the text they encode', () => {
    const scheme = customSignature({ header: 'x-signature' })
    const text = '{"n":"ž"}'
    expect(signCustom(scheme, { ...message, body: Buffer.from(text) })).toEqual(
      signCustom(scheme, { ...message, body: text }),
    )
  })

  it('signs with the newest shared secret and passes over Ed25519 keys', () => {
    const scheme = customSignature({ header: 'x-signature' })
    const signature = hmac(otherSecret, body).toString('hex')
    expect(signCustom(scheme, { ...message, secrets: [secretKey, otherSecret, secret] })).toEqual({
      'x-signature': signature,
    })
    expect(signCustom(scheme, { ...message, secrets: [secretKey] })).toEqual({})
  })
})

describe('customSignature', () => {
  it('fills in the defaults, and takes its own result', () => {
    const scheme = customSignature({ header: 'X-Signature' })
    expect(scheme).toEqual({
      header: 'x-signature',
      encoding: 'hex',
      prefix: '',
      timestampHeader: undefined,
      key: 'literal',
    })
    expect(customSignature(scheme)).toEqual(scheme)
  })

  it.each([
    '',
    'x signature',
    'x:signature',
    'x-signature\r\n',
    'x-sígnature',
    // The Kelvin sign, whose lower case is an ASCII k.
    'x-\u212aey',
    'x'.repeat(129),
    'webhook-signature',
    'Webhook-Custom',
    'Host',
    'Content-Length',
    'content-type',
    'Transfer-Encoding',
    'connection',
    'TE',
    undefined as unknown as string,
  ])('refuses %j as a header', (header) => {
    const refusal = expect.objectContaining({ code: 'invalid_header' })
    expect(() => customSignature({ header })).toThrow(refusal)
    if (header === undefined) return
    expect(() => customSignature({ header: 'x-a', timestampHeader: header })).toThrow(refusal)
  })

  it.each([
    ['one header for both', { header: 'X-A', timestampHeader: 'x-a' }],
    ['an unknown encoding', { header: 'x-a', encoding: 'base32' as 'hex' }],
    ['an unknown key', { header: 'x-a', key: 'raw' as 'literal' }],
    ['a prefix that breaks the line', { header: 'x-a', prefix: 'sha256=\r\nx-b: ' }],
    ['a prefix that begins with a space', { header: 'x-a', prefix: ' sha256=' }],
  ])('refuses %s', (_, options) => {
    expect(() => customSignature(options)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    )
  })
})
