/** What all processes of a crash test agree on. */
import * as z from 'zod'
import { defineEvents, type Limits } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import type { EmitMode } from './journal.ts'

export const events = defineEvents({
  'crash.probe': z.object({ key: z.string(), filler: z.string() }),
})

/** Short times, so that what a dead process held is free again soon. */
const limits = {
  timeoutMs: 2_000,
  connectTimeoutMs: 1_500,
  leaseMs: 7_000,
  stopGraceMs: 3_000,
} satisfies Partial<Limits>

/** What was silent for longer will be silent for ever: a lease has ended in that time. */
export const longestSilenceMs = limits.leaseMs + 5_000

/** The options of every instance: receivers are on loopback, and no delivery ever gives up. */
export const instanceOptions = {
  events,
  limits,
  addressGuard: { allow: ['127.0.0.1/32'] },
  retry: { delaysMs: [0, ...Array.from({ length: 99 }, () => 150)], jitter: 0.5 },
  disable: false as const,
}

/** The same for every process and every repetition: what the event `number` of a lane looks like. */
export function plannedEvent(
  seed: number,
  lane: string,
  number: number,
): { key: string; mode: EmitMode; filler: string } {
  const random = seededRandom(seed * 1_000_003 + number)
  const draw = random.next()
  const mode = draw < 0.5 ? 'plain' : draw < 0.7 ? 'keyed' : draw < 0.9 ? 'commit' : 'rollback'
  const filler = 'Grüße 🐘 '.repeat(Math.floor(random.next() ** 4 * 200))
  return { key: `${lane}-${number}`, mode, filler }
}
