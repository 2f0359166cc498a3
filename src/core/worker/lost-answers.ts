import type { Context } from '../context.ts'
import type { DirectEvent } from './direct-event.ts'
import type { Ended } from './outcome.ts'

// A write whose answer was lost is repeated, and the repetition meets leases that the write itself
// has ended: it is refused, although what it says stands. Only then is anything read here, and where
// a lease has truly passed on, once in vain.

/**
 * Which attempts count, in the given order: those that were accepted, and those that are on record
 * all the same.
 *
 * @param accepted - Ids of their deliveries.
 */
export async function recorded(
  context: Context,
  ended: Ended[],
  accepted: ReadonlySet<string>,
): Promise<Ended[]> {
  const refused = ended.filter(({ job }) => !accepted.has(job.delivery.id))
  const before = await recordedBefore(context, refused)
  return ended.filter(
    ({ job, outcome }) =>
      accepted.has(job.delivery.id) || before.has(outcome.settlement.attempt.id),
  )
}

/** Ids of attempts. */
async function recordedBefore(context: Context, refused: Ended[]): Promise<Set<string>> {
  const byTenant = Map.groupBy(refused, ({ job }) => job.delivery.tenantId)
  const found = new Set<string>()
  for (const [tenantId, ended] of byTenant) {
    const deliveryIds = ended.map(({ job }) => job.delivery.id)
    const read = context.storage.listAttempts({ tenantId, deliveryIds })
    for (const { id } of await orNothing(context, read, [])) found.add(id)
  }
  return found
}

/** Of events that were refused, those whose deliveries are stored all the same. */
export async function storedBefore(
  context: Context,
  refused: DirectEvent[],
): Promise<DirectEvent[]> {
  const stored: DirectEvent[] = []
  for (const direct of refused) {
    const [delivery] = direct.deliveries
    if (delivery === undefined) continue
    const { id, tenantId } = delivery
    const read = context.storage.getDelivery({ tenantId, id })
    if ((await orNothing(context, read, null)) !== null) stored.push(direct)
  }
  return stored
}

/** What cannot be read either counts as refused: nothing is lost but what listeners would be told. */
async function orNothing<T>({ logger }: Context, read: Promise<T>, nothing: T): Promise<T> {
  try {
    return await read
  } catch (error) {
    logger.warn({ reason: String(error) }, 'A record was not looked up')
    return nothing
  }
}
