import type { EventLease, NewEvent } from '../../../storage/storage.ts'
import type { Kit } from '../kit.ts'
import { tenants } from './comparison.ts'
import type { Dice } from './dice.ts'
import type { Reference } from './reference.ts'

/** A new event, under one of the leases or none; or one that is there already. */
export function anyEvent(
  kit: Kit,
  dice: Dice,
  { reference, now, leases }: { reference: Reference; now: Date; leases: EventLease[] },
): NewEvent {
  const known = dice.pickFrom([...reference.events.values()])
  if (known !== undefined && dice.chance(0.1)) return known.event
  const fanOut = dice.chance(0.9)
  return kit.event({
    tenantId: dice.pick(tenants),
    idempotencyKey: dice.chance(0.3) ? `key ${dice.int(12)}` : null,
    createdAt: now,
    fanOut,
    lease: fanOut && dice.chance(0.4) ? dice.pick(leases) : null,
  })
}
