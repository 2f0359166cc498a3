/**
 * Text as SQLite can give it back. TEXT is UTF-8, which has no form for lone surrogates, and Node
 * before 22.16 reads it only up to a U+0000. Such text, rare as it is, is stored as a BLOB of its
 * UTF-16 code units: equal text stays equal, different text stays different.
 */
export type StoredText = string | Uint8Array

export function storeText(text: string): StoredText {
  if (text.isWellFormed() && !text.includes('\0')) return text
  return Buffer.from(text, 'utf16le')
}

export function readText(stored: StoredText): string {
  if (typeof stored === 'string') return stored
  return Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString('utf16le')
}
