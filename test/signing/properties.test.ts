import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { generateKeyPair, generateSecret, publicKeyOf } from '../../src/core/signing/secrets.ts'
import { sign } from '../../src/core/signing/signer.ts'
import { verify } from '../../src/receiver/index.ts'
import { headersOf, verifyByReference } from './support.ts'

/** A secret of the sender and what its receiver holds. */
interface SecretPair {
  signing: string
  verifying: string
}

const idCharacters = '!#$%&*+-/:=@_~0123456789abcXYZ'
const idOf = fc.string({ unit: fc.constantFrom(...idCharacters), minLength: 1, maxLength: 64 })
const instant = fc
  .integer({ min: 0, max: 4_102_444_800 })
  .map((seconds) => new Date(seconds * 1000))
/** Any text, unpaired surrogates included: what is sent, and signed, is its UTF-8. */
const text = fc.string({ unit: 'binary', maxLength: 400 })

/** Their last byte is never zero, because HMAC fills keys up with zeros: two keys would be one. */
const shared = fc
  .uint8Array({ minLength: 24, maxLength: 64 })
  .map((bytes) => bytes.with(-1, bytes.at(-1) || 1))
  .map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`)
  .map((secret): SecretPair => ({ signing: secret, verifying: secret }))
const keyPair = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((seed) => generateKeyPair({ next: () => 0, bytes: () => seed }))
  .map((pair): SecretPair => ({ signing: pair.secretKey, verifying: pair.publicKey }))
const secretPair = fc.oneof(shared, keyPair)

const message = fc.record({ id: idOf, timestamp: instant, body: text })

function headersFor(
  { id, timestamp }: { id: string; timestamp: Date },
  signature: string,
): Record<string, string> {
  return headersOf(signature, { id, sentAt: timestamp })
}

/** The data as our sender writes it. */
function eventBody(data: string): string {
  return JSON.stringify({ type: 'any', timestamp: '2026-01-01T00:00:00.000Z', data })
}

describe('signing and verifying', () => {
  it('agree for any id, time, data and secret', async () => {
    await fc.assert(
      fc.asyncProperty(message, secretPair, async ({ body: data, ...head }, secret) => {
        const body = eventBody(data)
        const signature = sign({ ...head, body, secrets: [secret.signing] })
        const event = await verify(body, headersFor(head, signature), secret.verifying, {
          now: head.timestamp,
        })
        expect(event).toMatchObject({ id: head.id, type: 'any', data })
      }),
    )
  })

  it('agree with the reference implementation for any text', () => {
    fc.assert(
      fc.property(message, shared, ({ body, ...head }, { signing }) => {
        const signature = sign({ ...head, body, secrets: [signing] })
        // The reference turns a Buffer into text first, which is what a receiver's server does.
        verifyByReference(Buffer.from(body), headersFor(head, signature), signing)
      }),
    )
  })

  it('refuse a body with any bit turned', async () => {
    await fc.assert(
      fc.asyncProperty(message, secretPair, fc.nat(), async ({ body: data, ...head }, pair, at) => {
        const body = Buffer.from(eventBody(data))
        const signature = sign({ ...head, body, secrets: [pair.signing] })
        const turned = turnBit(body, at)
        const verified = verify(turned, headersFor(head, signature), pair.verifying, {
          now: head.timestamp,
        })
        await expect(verified).rejects.toMatchObject({ code: 'signature_mismatch' })
      }),
    )
  })

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'refuse a %s with any bit turned',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(
          message,
          secretPair,
          fc.nat(),
          async ({ body: data, ...head }, pair, at) => {
            const body = eventBody(data)
            const headers = headersFor(head, sign({ ...head, body, secrets: [pair.signing] }))
            const turned = turnBit(Buffer.from(headers[name] ?? '', 'latin1'), at).toString(
              'latin1',
            )
            const verified = verify(body, { ...headers, [name]: turned }, pair.verifying, {
              now: head.timestamp,
              // What is tried here is the signature; no turned digit is to hide behind the tolerance.
              toleranceMs: Number.MAX_SAFE_INTEGER,
            })
            await expect(verified).rejects.toMatchObject({
              code: expect.stringMatching(/^signature_/),
            })
          },
        ),
      )
    },
  )

  it('refuse a secret that did not sign', async () => {
    await fc.assert(
      fc.asyncProperty(
        message,
        secretPair,
        secretPair,
        async ({ body: data, ...head }, pair, other) => {
          fc.pre(pair.signing !== other.signing)
          const body = eventBody(data)
          const signature = sign({ ...head, body, secrets: [pair.signing] })
          const verified = verify(body, headersFor(head, signature), other.verifying, {
            now: head.timestamp,
          })
          await expect(verified).rejects.toMatchObject({ code: 'signature_mismatch' })
        },
      ),
    )
  })
})

describe('a rotation', () => {
  const rotation = fc.uniqueArray(secretPair, {
    minLength: 1,
    maxLength: 5,
    selector: ({ signing }) => signing,
  })

  it('is verified with any of the secrets, in any order, by either side', async () => {
    await fc.assert(
      fc.asyncProperty(
        message,
        rotation.chain((secrets) =>
          fc.record({
            signing: fc.shuffledSubarray(secrets, { minLength: 1 }),
            verifying: fc.shuffledSubarray(secrets, { minLength: 1 }),
          }),
        ),
        async ({ body: data, ...head }, { signing, verifying }) => {
          const body = eventBody(data)
          const signature = sign({ ...head, body, secrets: signing.map((each) => each.signing) })
          const verified = verify(
            body,
            headersFor(head, signature),
            verifying.map((each) => each.verifying),
            { now: head.timestamp },
          )
          const shares = verifying.some((each) => signing.includes(each))
          if (shares) await expect(verified).resolves.toMatchObject({ id: head.id })
          else await expect(verified).rejects.toMatchObject({ code: 'signature_mismatch' })
        },
      ),
    )
  })

  it('holds one signature per secret, each the same as that of the secret alone', () => {
    fc.assert(
      fc.property(message, rotation, (head, secrets) => {
        const signing = secrets.map((each) => each.signing)
        const alone = signing.map((secret) => sign({ ...head, secrets: [secret] }))
        expect(sign({ ...head, secrets: signing })).toBe(alone.join(' '))
      }),
    )
  })
})

describe('generated secrets', () => {
  it('sign and verify whatever the random source gives', async () => {
    await fc.assert(
      fc.asyncProperty(
        message,
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        async (given, bytes) => {
          const random = { next: () => 0, bytes: (length: number) => bytes.subarray(0, length) }
          const secret = generateSecret(random)
          const { secretKey, publicKey } = generateKeyPair(random)
          expect(publicKeyOf(secretKey)).toBe(publicKey)
          const body = eventBody(given.body)
          const signature = sign({ ...given, body, secrets: [secret, secretKey] })
          for (const key of [secret, publicKey]) {
            await verify(body, headersFor(given, signature), key, { now: given.timestamp })
          }
        },
      ),
    )
  })
})

function turnBit(bytes: Buffer, at: number): Buffer {
  const turned = Buffer.from(bytes)
  const index = Math.floor(at / 8) % turned.length
  turned.writeUInt8(turned.readUInt8(index) ^ (1 << (at % 8)), index)
  return turned
}
