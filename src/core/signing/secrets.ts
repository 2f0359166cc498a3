import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Random } from '../../ports.ts'
import { encodeBase64 } from '../base64.ts'
import { privateKeyOfSeed, publicBytesOf } from './ed25519.ts'
import { decodeSecret, invalidSecret } from './secret-format.ts'

/** A secret made ready to sign with. */
export type SigningKey = { kind: 'hmac'; key: KeyObject } | { kind: 'ed25519'; key: KeyObject }

/** An Ed25519 key pair in the form of Standard Webhooks. */
export interface KeyPair {
  /** `whsk_…`: stays with the sender. */
  secretKey: string
  /** `whpk_…`: given to the receiver. */
  publicKey: string
}

const secretBytes = 24
const seedBytes = 32

/**
 * A new shared secret: `whsec_` and the base64 of 24 random bytes. That length is the
 * specification's minimum and encodes without padding, so that every verifier accepts it.
 */
export function generateSecret(random: Random): string {
  return `whsec_${encodeBase64(random.bytes(secretBytes))}`
}

/** A new Ed25519 key pair. The secret key is seed and public key, 64 bytes, as Svix writes it. */
export function generateKeyPair(random: Random): KeyPair {
  const seed = random.bytes(seedBytes)
  const publicBytes = publicBytesOf(privateKeyOfSeed(seed))
  return {
    secretKey: `whsk_${encodeBase64(Buffer.concat([seed, publicBytes]))}`,
    publicKey: `whpk_${encodeBase64(publicBytes)}`,
  }
}

/**
 * The `whpk_` public key of a `whsk_` secret key.
 *
 * @throws WebhooksError `invalid_secret` also for a `whsec_` secret: it has no public part.
 */
export function publicKeyOf(secretKey: string): string {
  const key = parseSecret(secretKey)
  if (key.kind !== 'ed25519') {
    throw invalidSecret('Only a whsk_ secret key has a public key; this is a shared secret.')
  }
  return `whpk_${encodeBase64(publicBytesOf(key.key))}`
}

/**
 * Reads a secret to sign with: `whsec_` (also without the prefix) or `whsk_`.
 *
 * @throws WebhooksError `invalid_secret`; the message never holds the secret.
 */
export function parseSecret(value: string): SigningKey {
  const { prefix, bytes } = decodeSecret(value)
  switch (prefix) {
    case 'whsec_':
      return { kind: 'hmac', key: createSecretKey(bytes) }
    case 'whsk_':
      return { kind: 'ed25519', key: readSecretKey(bytes) }
    case 'whpk_':
      throw invalidSecret(
        'A whpk_ public key cannot sign: it is for the receiver. Sign with the whsk_ secret key.',
      )
  }
}

/** A seed, or a seed and its public key: the two have to belong together. */
function readSecretKey(bytes: Uint8Array): KeyObject {
  const privateKey = privateKeyOfSeed(bytes.subarray(0, seedBytes))
  const publicBytes = bytes.subarray(seedBytes)
  if (publicBytes.length > 0 && Buffer.compare(publicBytesOf(privateKey), publicBytes) !== 0) {
    throw invalidSecret(
      'The public half of the whsk_ secret key does not belong to its seed: the key is damaged, ' +
        'and nobody could verify what it signs.',
    )
  }
  return privateKey
}
