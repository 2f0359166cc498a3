/** Standard base64 with padding (RFC 4648, section 4). Web globals only: receivers use it too. */
export function encodeBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}

/**
 * Decodes standard base64, with padding or without, and returns `null` for everything else. The
 * round trip is what makes it strict: decoders skip white space, take stray bits in the last
 * character, or drop what they do not know, and the result is a key that nobody else has.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const padded = text.endsWith('=') ? text : text.padEnd(Math.ceil(text.length / 4) * 4, '=')
  try {
    const binary = atob(padded)
    if (btoa(binary) !== padded) return null
    return Uint8Array.from(binary, (character) => character.charCodeAt(0))
  } catch {
    return null
  }
}
