import { createPrivateKey, createPublicKey } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import {
  generateKeyPair,
  generateSecret,
  parseSecret,
  publicKeyOf,
} from '../../src/core/signing/secrets.ts'
import { systemRandom } from '../../src/system.ts'
import { countingRandom, publicKey, secret, secretKey } from './support.ts'

describe('generateSecret', () => {
  it('is whsec_ and 24 bytes of the random source, which need no padding', () => {
    expect(generateSecret(countingRandom())).toBe('whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX')
  })

  it('is read by the reference implementation, and never comes twice', () => {
    const secrets = Array.from({ length: 100 }, () => generateSecret(systemRandom))
    for (const each of secrets) expect(() => new Webhook(each)).not.toThrow()
    expect(new Set(secrets).size).toBe(100)
  })
})

describe('generateKeyPair', () => {
  it('writes the secret key as seed and public key, as Svix does', () => {
    const pair = generateKeyPair(countingRandom(7))
    const bytes = Buffer.from(pair.secretKey.slice('whsk_'.length), 'base64')
    expect(bytes).toHaveLength(64)
    expect([...bytes.subarray(0, 32)]).toEqual([...countingRandom(7).bytes(32)])
    expect(`whpk_${bytes.subarray(32).toString('base64')}`).toBe(pair.publicKey)
  })

  it('derives the public key that OpenSSL derives', () => {
    const pair = generateKeyPair(countingRandom(9))
    const [seed, x] = [countingRandom(9).bytes(32), pair.publicKey.slice('whpk_'.length)].map(
      (part) => Buffer.from(part as string, 'base64').toString('base64url'),
    )
    const jwk = { kty: 'OKP', crv: 'Ed25519', d: seed, x }
    const fromJwk = createPublicKey(createPrivateKey({ key: jwk, format: 'jwk' }))
    expect(fromJwk.export({ format: 'jwk' }).x).toBe(x)
  })
})

describe('publicKeyOf', () => {
  it('gives the public key of the Svix README', () => {
    expect(publicKeyOf(secretKey)).toBe(publicKey)
  })

  it('refuses a shared secret, which has no public part', () => {
    expect(() => publicKeyOf(secret)).toThrow(expect.objectContaining({ code: 'invalid_secret' }))
  })
})

describe('parseSecret', () => {
  it('tells what a secret signs with', () => {
    expect(parseSecret(secret).kind).toBe('hmac')
    expect(parseSecret(secret.slice('whsec_'.length)).kind).toBe('hmac')
    expect(parseSecret(secretKey).kind).toBe('ed25519')
  })

  it.each([24, 25, 26, 63, 64])('takes a key of %i bytes', (length) => {
    const { kind, key } = parseSecret(`whsec_${Buffer.alloc(length, 7).toString('base64')}`)
    expect(kind).toBe('hmac')
    expect(key.symmetricKeySize).toBe(length)
  })

  it.each([
    ['65 bytes', `whsec_${Buffer.alloc(65).toString('base64')}`, /65 bytes.*24 to 64 bytes/],
    ['23 bytes', `whsec_${Buffer.alloc(23).toString('base64')}`, /23 bytes.*24 to 64 bytes/],
    ['a whsk_ key of 33 bytes', `whsk_${Buffer.alloc(33).toString('base64')}`, /32 or 64 bytes/],
    ['a public key', publicKey, /public key cannot sign/],
    ['white space around it', `${secret}\n`, /white space/],
    ['white space inside', secret.replace('8', ' '), /not base64/],
    ['Supabase’s spelling', `v1,${secret}`, /begins with "v1,"/],
    ['URL-safe base64', `whsec_${'_-'.repeat(16)}`, /URL-safe/],
    ['half of its padding', `whsec_${Buffer.alloc(25).toString('base64').slice(0, -1)}`, /base64/],
    ['padding that is not needed', `${secret}=`, /base64/],
    ['a character too many', `${secret}A`, /base64/],
    ['half a megabyte', `whsec_${'A'.repeat(500_000)}`, /500006 characters/],
    ['no key', 'whsec_', /empty/],
    ['undefined', undefined as unknown as string, /not undefined/],
    ['null', null as unknown as string, /not null/],
  ])('refuses %s, and says why without the secret', (_, value, reason) => {
    let message = ''
    try {
      parseSecret(value)
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_secret' })
      message = String(error)
    }
    expect(message).toMatch(reason)
    const encoded = String(value)
      .replace(/^(v1,)?wh\w{1,3}_/, '')
      .trim()
    if (encoded.length > 10) expect(message).not.toContain(encoded.slice(0, 8))
  })

  it('refuses a whsk_ key whose halves do not belong together', () => {
    const bytes = Buffer.from(secretKey.slice('whsk_'.length), 'base64')
    bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40)
    expect(() => parseSecret(`whsk_${bytes.toString('base64')}`)).toThrow(/does not belong/)
  })
})
