import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** DER of a PKCS #8 Ed25519 private key up to the 32 bytes of its seed (RFC 8410, section 7). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The private key of a 32-byte seed (RFC 8032, section 5.1.5). */
export function privateKeyOfSeed(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' })
}

/** The 32 bytes of the public key that belongs to a private key. */
export function publicBytesOf(privateKey: KeyObject): Uint8Array {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return Buffer.from(String(x), 'base64url')
}
