/**
 * Just enough DER (ITU-T X.690) to write a certificate: Node reads certificates and makes none.
 * Each function gives one element, ready to stand inside another.
 */

export function sequence(...parts: Uint8Array[]): Buffer {
  return element(0x30, ...parts)
}

export function set(...parts: Uint8Array[]): Buffer {
  return element(0x31, ...parts)
}

export function boolean(value: boolean): Buffer {
  return element(0x01, Buffer.of(value ? 0xff : 0))
}

/** A small number, not negative. */
export function integer(value: number): Buffer {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  const isNegative = (bytes[0] ?? 0) >= 0x80
  return element(0x02, Buffer.from(isNegative ? [0] : []), bytes)
}

export function bitString(bytes: Uint8Array): Buffer {
  return element(0x03, Buffer.of(0), bytes)
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(0x04, bytes)
}

/** From the dotted form, such as `2.5.4.3`. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, Buffer.of(first * 40 + second), ...rest.map(base128))
}

export function utf8String(text: string): Buffer {
  return element(0x0c, Buffer.from(text))
}

/** RFC 5280 section 4.1.2.5: two digits of the year up to 2049, four from then on. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+Z$|[-:T]/g, '')
  return date.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : element(0x18, Buffer.from(`${digits}Z`))
}

/** An element whose meaning its number alone gives, around others. */
export function tagged(number: number, ...parts: Uint8Array[]): Buffer {
  return element(0xa0 | number, ...parts)
}

/** The same, around plain bytes. */
export function taggedBytes(number: number, bytes: Uint8Array): Buffer {
  return element(0x80 | number, bytes)
}

function element(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.of(tag), length(content.length), content])
}

function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.of(bytes)
  return bytes < 0x100 ? Buffer.of(0x81, bytes) : Buffer.of(0x82, bytes >> 8, bytes & 0xff)
}

/** Seven bits to a byte, most significant first; all but the last are marked. */
function base128(value: number): Buffer {
  const bytes = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80)
  return Buffer.from(bytes)
}
