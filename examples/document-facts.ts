/**
 * What a backend knows about a text document once it has read it. Your own extraction and
 * embedding stand in this place.
 */
import { createHash } from 'node:crypto'
import { extname } from 'node:path'

const mimeTypes: Record<string, string> = {
  '.csv': 'text/csv',
  '.html': 'text/html',
  '.json': 'application/json',
  '.md': 'text/markdown',
  '.txt': 'text/plain',
}

/** Describes a file as it came in: the `document` of every document event. */
export function describeDocument(name: string, bytes: Uint8Array) {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return {
    id: `doc_${sha256.slice(0, 12)}`,
    name,
    mimeType: mimeTypes[extname(name).toLowerCase()] ?? 'text/plain',
    sizeBytes: bytes.byteLength,
    sha256,
  }
}

/** Decodes a text in UTF-8; `null` if the bytes are something else. */
export function decodeText(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

/** What `document.processed` says about a text. */
export function describeText(text: string) {
  return {
    content: {
      words: wordsOf(text).length,
      characters: [...text].length,
      // The usual estimate where no tokenizer is at hand: four bytes to a token.
      tokens: Math.ceil(Buffer.byteLength(text) / 4),
      language: guessLanguage(text),
    },
    chunks: cutIntoPassages(text).length,
  }
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}

/** Joins paragraphs to passages of up to 800 characters. */
function cutIntoPassages(text: string): string[] {
  const passages: string[] = []
  for (const paragraph of text.split(/\n\s*\n/).filter((part) => part.trim() !== '')) {
    const open = passages.at(-1)
    if (open === undefined || open.length + paragraph.length > 800) passages.push(paragraph)
    else passages[passages.length - 1] = `${open}\n\n${paragraph}`
  }
  return passages
}

const commonWords: Record<string, Set<string>> = {
  en: new Set(['the', 'and', 'of', 'to', 'is', 'that', 'for', 'with']),
  de: new Set(['der', 'die', 'das', 'und', 'ist', 'nicht', 'ein', 'sie']),
  fr: new Set(['le', 'les', 'et', 'des', 'est', 'une', 'que', 'pour']),
  es: new Set(['el', 'los', 'y', 'las', 'es', 'una', 'que', 'para']),
}

/** The language whose commonest words make up the most of a text, and 5 % of it at least. */
function guessLanguage(text: string): string | null {
  const words = wordsOf(text)
  let guess: string | null = null
  let most = words.length * 0.05
  for (const [language, common] of Object.entries(commonWords)) {
    const found = words.filter((word) => common.has(word)).length
    if (found > most) [guess, most] = [language, found]
  }
  return guess
}
