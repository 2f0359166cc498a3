import { decodeBase64, encodeBase64 } from '../core/base64.ts'
import { type DecodedSecret, decodeSecret, invalidSecret } from '../core/signing/secret-format.ts'
import type { VersionedSignature } from './headers.ts'

/** Which signatures a key can check: `v1` HMAC-SHA256, `v1a` Ed25519. */
export type SignatureVersion = 'v1' | 'v1a'

/** A key of the receiver. */
export interface VerificationKey {
  version: SignatureVersion
  bytes: Uint8Array<ArrayBuffer>
}

const versions: Record<DecodedSecret['prefix'], SignatureVersion | null> = {
  whsec_: 'v1',
  whpk_: 'v1a',
  whsk_: null,
}

/**
 * Reads a secret to verify with: `whsec_` (also without the prefix) or `whpk_`.
 *
 * @throws WebhooksError `invalid_secret`
 */
export function readVerificationKey(secret: string): VerificationKey {
  const { prefix, bytes } = decodeSecret(secret)
  const version = versions[prefix]
  if (version === null) {
    throw invalidSecret(
      'A whsk_ secret key belongs to the sender alone and must not leave it. Verify with the whpk_ ' +
        'public key that belongs to it, and replace the pair if you were given this one.',
    )
  }
  return { version, bytes }
}

/** Tells whether one of the signatures was made over `content` with the key. */
export function matchesAny(
  { version, bytes }: VerificationKey,
  signatures: VersionedSignature[],
  content: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const candidates = signatures
    .filter((candidate) => candidate.version === version)
    .map((candidate) => candidate.signature)
  return version === 'v1'
    ? matchesHmac(bytes, candidates, content)
    : matchesEd25519(bytes, candidates, content)
}

async function matchesHmac(
  bytes: Uint8Array<ArrayBuffer>,
  candidates: string[],
  content: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign'])
  const signature = await crypto.subtle.sign('HMAC', key, content)
  // Texts are compared rather than bytes: of the spellings that decode to them, one is valid.
  const expected = encodeBase64(new Uint8Array(signature))
  let matched = false
  for (const candidate of candidates) matched = equalInConstantTime(candidate, expected) || matched
  return matched
}

async function matchesEd25519(
  bytes: Uint8Array<ArrayBuffer>,
  candidates: string[],
  content: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const key = await importEd25519(bytes)
  for (const candidate of candidates) {
    const signature = decodeBase64(candidate)
    // Without its padding a signature has a second spelling; senders write the first.
    if (signature === null || encodeBase64(signature) !== candidate) continue
    if (await crypto.subtle.verify('Ed25519', key, signature, content)) return true
  }
  return false
}

async function importEd25519(bytes: Uint8Array<ArrayBuffer>) {
  try {
    return await crypto.subtle.importKey('raw', bytes, 'Ed25519', false, ['verify'])
  } catch (cause) {
    throw invalidSecret(
      'The WebCrypto of this runtime does not take the whpk_ key: it may lack Ed25519. Update the ' +
        'runtime, or ask the sender for a whsec_ secret.',
      cause,
    )
  }
}

/** Takes the same time wherever two texts of one length differ, so that timing tells nothing. */
function equalInConstantTime(given: string, expected: string): boolean {
  if (given.length !== expected.length) return false
  let difference = 0
  for (let index = 0; index < expected.length; index++) {
    difference |= given.charCodeAt(index) ^ expected.charCodeAt(index)
  }
  return difference === 0
}
