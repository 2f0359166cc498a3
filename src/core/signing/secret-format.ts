/**
 * How secrets are written: Standard Webhooks 1.0.0, "Signature scheme". Web globals only, because
 * sender and receiver share it.
 */
import { WebhooksError } from '../../errors.ts'
import { decodeBase64 } from '../base64.ts'

/** `whsec_`: shared secret (HMAC); `whsk_`, `whpk_`: secret and public key (Ed25519). */
export type SecretPrefix = 'whsec_' | 'whsk_' | 'whpk_'

/** What a secret string holds. */
export interface DecodedSecret {
  prefix: SecretPrefix
  bytes: Uint8Array<ArrayBuffer>
}

const lengths: Record<SecretPrefix, { fits: (bytes: number) => boolean; words: string }> = {
  whsec_: { fits: (bytes) => bytes >= 24 && bytes <= 64, words: '24 to 64 bytes' },
  // The specification leaves it open: Svix writes seed and public key (64), its Go library the
  // seed alone (32).
  whsk_: { fits: (bytes) => bytes === 32 || bytes === 64, words: '32 or 64 bytes' },
  whpk_: { fits: (bytes) => bytes === 32, words: '32 bytes' },
}

/** The longest valid secret has 94 characters; beyond this it is not worth looking at. */
const longestSecret = 256

/**
 * Reads a secret. Without a prefix it counts as `whsec_`, as in the reference libraries.
 *
 * @throws WebhooksError `invalid_secret`; the message never holds the secret or a part of it.
 */
export function decodeSecret(value: unknown): DecodedSecret {
  if (typeof value !== 'string') {
    throw invalidSecret(`A secret must be a string such as whsec_…, not ${nameOfType(value)}.`)
  }
  const prefix = prefixOf(value)
  const encoded = value.startsWith(prefix) ? value.slice(prefix.length) : value
  if (encoded === '') {
    throw invalidSecret('The secret is empty: nothing stands where its base64 key should be.')
  }
  const bytes = value.length <= longestSecret ? decodeBase64(encoded) : null
  if (bytes === null) throw invalidSecret(whyNotBase64(value, prefix))
  const { fits, words } = lengths[prefix]
  if (!fits(bytes.length)) {
    throw invalidSecret(
      `The secret holds ${bytes.length} bytes; the key of a ${prefix} secret has ${words} ` +
        '(Standard Webhooks 1.0.0). Generate a new one rather than padding it.',
    )
  }
  return { prefix, bytes }
}

/** Accepts one secret as well as a list, and refuses an empty one: it would sign or allow nothing. */
export function listSecrets(secrets: string | readonly string[]): readonly string[] {
  const list = typeof secrets === 'string' ? [secrets] : secrets
  if (Array.isArray(list) && list.length > 0) return list
  throw invalidSecret('No secret was given: pass a secret such as whsec_…, or a list of them.')
}

export function invalidSecret(message: string, cause?: unknown): WebhooksError {
  return new WebhooksError('invalid_secret', message, { cause })
}

function prefixOf(value: string): SecretPrefix {
  if (value.startsWith('whsk_')) return 'whsk_'
  if (value.startsWith('whpk_')) return 'whpk_'
  return 'whsec_'
}

function whyNotBase64(value: string, prefix: SecretPrefix): string {
  if (value.trim() !== value) {
    return 'The secret has white space or a line break around it: trim it where it is read.'
  }
  if (value.startsWith('v1,')) {
    return 'The secret begins with "v1,", which is no part of it: leave that out.'
  }
  const rule = `A secret is ${prefix} followed by standard base64 with + and /`
  if (value.length > longestSecret) return `The secret has ${value.length} characters. ${rule}.`
  if (/^[\w-]+=*$/.test(value.slice(prefix.length))) {
    return `The secret is not standard base64; it may be URL-safe base64 or cut off. ${rule}.`
  }
  return `The secret is not base64. ${rule}, and nothing else.`
}

function nameOfType(value: unknown): string {
  return value === null ? 'null' : typeof value
}
