import { inspect } from 'node:util'

/** Something secret, and every form in which it would be a leak. */
export interface Canary {
  name: string
  forms: Buffer[]
}

/** A text that nobody must find. */
export function textCanary(name: string, text: string): Canary {
  const forms = [
    Buffer.from(text),
    Buffer.from(text, 'utf16le'),
    Buffer.from(JSON.stringify(text).slice(1, -1)),
    Buffer.from(JSON.stringify(JSON.stringify(text)).slice(3, -3)),
    Buffer.from(encodeURIComponent(text)),
    Buffer.from(Buffer.from(text).toString('hex')),
    // Base64 of a text depends on what stands before it: the part that does not, for three places.
    ...[0, 1, 2].map((shift) => Buffer.from(innerBase64(Buffer.from(text), shift))),
  ]
  return { name, forms }
}

/** Bytes that nobody must find, neither as they are nor written down. */
export function bytesCanary(name: string, bytes: Uint8Array): Canary {
  const buffer = Buffer.from(bytes)
  const forms = [
    buffer,
    Buffer.from(buffer.toString('base64').replace(/=+$/, '')),
    Buffer.from(buffer.toString('base64url')),
    Buffer.from(buffer.toString('hex')),
    Buffer.from([...buffer].join(',')),
    Buffer.from([...buffer].join(', ')),
  ]
  return { name, forms }
}

function innerBase64(bytes: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
  return encoded.slice(shift === 0 ? 0 : 4, -4)
}

/** Names of the canaries that stand somewhere in these bytes. */
export function findCanaries(canaries: readonly Canary[], where: string | Uint8Array): string[] {
  const bytes = Buffer.from(where as string)
  return canaries
    .filter(({ forms }) => forms.some((form) => form.length >= 8 && bytes.includes(form)))
    .map(({ name }) => name)
}

/** A value in every form in which a host might write it down. */
export function writeDown(value: unknown): string {
  const written = [inspect(value, { depth: 20, showHidden: true, maxStringLength: null })]
  for (let error = value; error instanceof Error; error = error.cause) {
    written.push(String(error), error.stack ?? '', JSON.stringify(error, Object.keys(error)))
  }
  written.push(JSON.stringify(value) ?? '')
  return written.join('\n')
}
