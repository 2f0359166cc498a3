import type { Clock, Random } from '../ports.ts'

/** What an id stands for, as its first letters say. */
export type IdPrefix = 'evt' | 'ep' | 'dlv' | 'att' | 'lease'

/** Makes ids of the form `evt_01jq…`. */
export type IdSource = (prefix: IdPrefix) => string

/** Crockford's base 32: no letters that read alike, and its order is that of ASCII. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** All pairs of its digits: ids are put together from these, in half the steps. */
const pairs = Array.from(
  { length: 1024 },
  (_, value) => alphabet.charAt(value >> 5) + alphabet.charAt(value & 31),
)

/**
 * Ids that are unique, URL-safe, hold no dot (Standard Webhooks signs `id.timestamp.body`) and
 * sort by time: 48 bits of milliseconds and 80 bits of randomness, of which the lower half counts
 * up, so that ids of one process also keep their order within a millisecond and across a clock
 * that steps back.
 */
export function createIdSource({ clock, random }: { clock: Clock; random: Random }): IdSource {
  let lastMs = -1
  let time = ''
  let salt = ''
  let count = 0

  return (prefix) => {
    const now = clock.now().getTime()
    if (now > lastMs) {
      lastMs = now
      time = encode(now, 10)
      const bytes = random.bytes(10)
      salt = encode(readUint40(bytes, 0), 8)
      // The top bit stays free, so that counting up never overflows within a millisecond.
      count = Math.floor(readUint40(bytes, 5) / 2)
    }
    return `${prefix}_${time}${salt}${encode(count++, 8)}`
  }
}

function readUint40(bytes: Uint8Array, offset: number): number {
  let value = 0
  for (let index = offset; index < offset + 5; index++) value = value * 256 + (bytes[index] ?? 0)
  return value
}

/** @param length - An even number of digits. */
function encode(value: number, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest = Math.floor(rest / pairs.length)) {
    text = (pairs[rest % pairs.length] ?? '') + text
  }
  return text
}
