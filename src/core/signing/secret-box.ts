/**
 * Encryption at rest: AES-256-GCM (NIST SP 800-38D) with a ring of keys. What storage gets is
 * `§1.`, the key's fingerprint, a dot, and in base64url: 12 bytes of nonce, 16 of tag, the rest.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
} from 'node:crypto'
import { WebhooksError } from '../../errors.ts'
import { checkOptions } from '../../option-names.ts'
import type { Random } from '../../ports.ts'
import { decodeBase64 } from '../base64.ts'
import { BoundedMap } from '../bounded-map.ts'

/** How signing secrets and custom header values are kept. */
export interface EncryptionOptions {
  /**
   * Keys of 32 random bytes each, as bytes or in base64 (`openssl rand -base64 32`). The first one
   * encrypts, and every one decrypts.
   */
  keys: readonly (string | Uint8Array)[]
}

/** Where a value belongs. An encrypted value opens there and nowhere else. */
export interface Place {
  tenantId: string
  endpointId: string
  /** `signing secret`, or `header x-api-key`. */
  name: string
}

interface RingKey {
  fingerprint: string
  key: KeyObject
}

/**
 * No plain value begins like this: secrets are base64 with an ASCII prefix, and header values are
 * printable ASCII.
 */
const mark = '§1.'
const algorithm = 'aes-256-gcm'
const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

/**
 * Opened values that are remembered, in some 4 MB at most: to open one takes longer than to sign a
 * request, and each request needs all values of its endpoint.
 */
const valuesKept = 10_000

/** Encrypts and decrypts values. Without keys it leaves plain values as they are. */
export class SecretBox {
  readonly #ring: readonly RingKey[]
  readonly #random: Random
  readonly #opened = new BoundedMap<string, Place & { value: string }>(valuesKept)

  /** @throws WebhooksError `invalid_option`; the message never holds a key. */
  constructor(options: EncryptionOptions | undefined, random: Random) {
    this.#ring =
      options === undefined ? [] : readKeys(checkOptions('encryption', options, ['keys']).keys)
    this.#random = random
  }

  /** Whether there are keys at all. */
  get encrypts(): boolean {
    return this.#ring.length > 0
  }

  /** Encrypts a value with the first key. */
  seal(value: string, place: Place): string {
    const [first] = this.#ring
    if (first === undefined) return value
    const nonce = this.#random.bytes(nonceBytes)
    const cipher = createCipheriv(algorithm, first.key, nonce, { authTagLength: tagBytes })
    cipher.setAAD(boundTo(place))
    const encrypted = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()])
    const bytes = Buffer.concat([nonce, cipher.getAuthTag(), encrypted])
    return `${mark}${first.fingerprint}.${bytes.toString('base64url')}`
  }

  /**
   * Gives back what was sealed, and a value that never was as it is.
   *
   * @throws WebhooksError `decryption_failed`; the message never holds the value.
   */
  open(stored: string, place: Place): string {
    if (!stored.startsWith(mark)) return stored
    const known = this.#opened.get(stored)
    if (known !== undefined && isSamePlace(known, place)) return known.value
    const value = this.#decrypt(stored, place)
    this.#opened.set(stored, { ...place, value })
    return value
  }

  /**
   * The value as it is to be stored from now on: encrypted with the first key.
   *
   * @throws WebhooksError `decryption_failed`
   */
  renew(stored: string, place: Place): string {
    const value = this.open(stored, place)
    const [first] = this.#ring
    const isCurrent = first === undefined || stored.startsWith(`${mark}${first.fingerprint}.`)
    return isCurrent ? stored : this.seal(value, place)
  }

  #decrypt(stored: string, place: Place): string {
    const [fingerprint = '', ...rest] = stored.slice(mark.length).split('.')
    const key = this.#ring.find((candidate) => candidate.fingerprint === fingerprint)?.key
    if (key === undefined) {
      throw failed(
        place,
        this.encrypts
          ? 'is encrypted with a key that is not among encryption.keys: add that key'
          : 'is encrypted, and createWebhooks was given no encryption: pass encryption.keys',
      )
    }
    try {
      const bytes = decodeSealed(rest.join('.'))
      const nonce = bytes.subarray(0, nonceBytes)
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(boundTo(place))
      decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes))
      const value = decipher.update(bytes.subarray(nonceBytes + tagBytes), undefined, 'utf8')
      return value + decipher.final('utf8')
    } catch {
      throw failed(
        place,
        'cannot be decrypted, because it was changed in the database or copied there from another ' +
          'place: restore it from a backup',
      )
    }
  }
}

/**
 * The round trip is what makes it strict: the decoder drops what it does not know and takes stray
 * bits in the last character, so that a changed text would open like the one that was sealed.
 */
function decodeSealed(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) throw new Error('not canonical base64url')
  return bytes
}

/**
 * What a value is bound to. The name of its place as well, so that a signing secret which somebody
 * moves among the headers, in the database, is not sent to a receiver.
 */
function boundTo({ tenantId, endpointId, name }: Place): Buffer {
  // Only the last of them can hold any character.
  return Buffer.from([name, endpointId, tenantId].join('\0'))
}

function isSamePlace(one: Place, other: Place): boolean {
  return (
    one.endpointId === other.endpointId &&
    one.tenantId === other.tenantId &&
    one.name === other.name
  )
}

function readKeys(keys: EncryptionOptions['keys']): RingKey[] {
  if (!Array.isArray(keys) || keys.length === 0) {
    throw invalidKeys('must list one key or more, the newest first')
  }
  return keys.map((given: unknown) => {
    const bytes = typeof given === 'string' ? decodeBase64(given) : given
    if (!(bytes instanceof Uint8Array) || bytes.length !== keyBytes) {
      throw invalidKeys(
        `must hold keys of ${keyBytes} bytes each, as Uint8Array or in base64: ` +
          'make one with openssl rand -base64 32',
      )
    }
    const key = createSecretKey(bytes)
    return { key, fingerprint: fingerprintOf(key) }
  })
}

/** Names a key without telling anything about it. */
function fingerprintOf(key: KeyObject): string {
  return createHmac('sha256', key).update('fingerprint').digest('base64url').slice(0, 8)
}

function invalidKeys(message: string): WebhooksError {
  return new WebhooksError('invalid_option', `encryption.keys ${message}`)
}

function failed({ endpointId, name }: Place, message: string): WebhooksError {
  return new WebhooksError(
    'decryption_failed',
    `The ${name} of endpoint ${endpointId} ${message}, or set the value anew`,
  )
}
