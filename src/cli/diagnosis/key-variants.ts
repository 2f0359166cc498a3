import { readVerificationKey, type VerificationKey } from '../../receiver/signatures.ts'
import type { Change, Variant } from './change.ts'

/**
 * Keys that the sender may have signed with, if it reads the secret in a way of its own. The first
 * is the secret's own key, where it has one.
 */
export function keyVariants(secret: string): Variant<VerificationKey>[] {
  const own = ownKey(secret)
  if (own?.version === 'v1a') return [{ value: own, change: null }]
  const variants: Variant<VerificationKey>[] = own ? [{ value: own, change: null }] : []
  const seen = new Set(own ? [hexOf(own.bytes)] : [])

  const trimmed = secret.trim()
  const encoded = trimmed.replace(/^whsec_/, '')
  offer(Buffer.from(encoded, 'base64'), 'the bytes of the secret, read leniently', lenient)
  offer(Buffer.from(trimmed), 'the text of the secret as the key', asText)
  offer(Buffer.from(encoded), 'the text of the secret without its prefix as the key', asText)
  if (encoded.length % 2 === 0 && /^[0-9a-f]+$/i.test(encoded))
    offer(Buffer.from(encoded, 'hex'), 'the secret as hex', asText)
  return variants

  function offer(bytes: Uint8Array, says: string, wayOut: string): void {
    const key = hexOf(bytes)
    // WebCrypto takes no empty key.
    if (bytes.length === 0 || seen.has(key)) return
    seen.add(key)
    const change: Change = { cause: 'secret_form', says, wayOut }
    variants.push({ value: { version: 'v1', bytes: new Uint8Array(bytes) }, change })
  }
}

const asText =
  'Sender and receiver read the secret differently. By Standard Webhooks the key is the bytes ' +
  'behind the base64 after whsec_.'

const lenient =
  'The secret is written in another way than the receiver takes: trim it, and write it in standard ' +
  'base64 with + and /.'

function ownKey(secret: string): VerificationKey | null {
  try {
    return readVerificationKey(secret)
  } catch {
    return null
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
