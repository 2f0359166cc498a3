/**
 * The storage contract: everything the engine asks of a database.
 *
 * Rules that hold for every method:
 *
 * - **Batch first.** One params object per method; lists in, lists out. An empty list is a no-op;
 *   an id named twice in a list counts once.
 * - **Ids** are unique over all tenants and for ever, at most 64 characters, and ASCII: their order
 *   is that of their bytes. Lease tokens, tenants and idempotency keys are any text, at most 256
 *   characters; event types at most 128. Nothing else has a bound.
 * - **Atomic.** A method does all of its writes or none of them.
 * - **Time is passed in.** An adapter never asks for the time; `now` is the engine's.
 * - **Instants** keep millisecond precision. **Text** comes back as it was given, whatever it
 *   holds (emoji, U+0000, 256 KiB), except that a lone surrogate, which UTF-8 cannot hold, may
 *   come back as U+FFFD; **JSON values** come back deeply equal.
 * - **Leases fence.** A write that names a `leaseToken` takes effect only on rows that hold that
 *   very token, whether or not the lease has expired. The others stay as they are, without an
 *   error: the answer says which were accepted. Every claim brings a token never used before.
 * - **Tenants** never mix: a method that takes a `tenantId` neither reads nor changes a row of
 *   another tenant.
 * - **Faults** are thrown as they come from the driver. The engine retries, backs off and wraps
 *   them, and gives up what is not answered in 30 s; an adapter does not. No fault is what a database asks to repeat by design (a deadlock's
 *   victim, a serialization failure): outside the caller's transaction, the adapter repeats that.
 *
 * How work is found. A pending delivery has one instant, `dueAt`, that serves as schedule and as
 * lease: a claim moves it to the lease's end, so that work whose worker died becomes due again by
 * itself. The same holds for events that wait for their fan-out.
 */
import type { Attempt, CancelReason } from '../model.ts'
import type {
  BacklogRecord,
  ClaimedDeliveries,
  DeliveryListParams,
  DeliveryRecord,
  EndpointListParams,
  EndpointRecord,
  EndpointSettings,
  EventListParams,
  EventRecord,
  FanOutAnswer,
  FanOutParams,
  HealthChange,
  InsertedEvent,
  Lease,
  ListResult,
  NewDelivery,
  NewEndpoint,
  NewEvent,
  Settlement,
  StatsRecord,
  StorageFault,
} from './records.ts'

export type * from './records.ts'

/**
 * A storage adapter.
 *
 * @typeParam Transaction - The caller's transaction that `insertEvents` can join; `never` if the
 * adapter has no such thing.
 */
export interface Storage<Transaction = never> {
  /**
   * Connects and brings the schema up to date, also while other processes do the same. Called
   * before anything else, and again only after it failed.
   */
  open(): Promise<void>
  /** Lets go of what `open` took. Called once; nothing is called after it. */
  close(): Promise<void>

  // ------------------------------------------------------------------ events

  /**
   * Inserts events. An event whose `(tenantId, idempotencyKey)` exists already, in the table or
   * earlier in the same list, is not inserted; the answer names the one that stands.
   * An event whose `id` exists already counts as inserted (`inserted: true`) and changes nothing:
   * the engine repeats a call whose answer was lost.
   * With `transaction`, writes on that transaction, and there only new rows: of events, and of the
   * queue they wait in. It touches no other table. A key that was
   * committed by then counts, also if it is newer than what the transaction sees; while it is open,
   * others who emit shall not wait for it, except under a key that it holds.
   * An event with a `lease` is stored as if `claimEvents` had leased it in the same write.
   *
   * @returns One entry per given event, in the same order.
   */
  insertEvents(params: {
    events: NewEvent[]
    transaction?: Transaction | undefined
  }): Promise<InsertedEvent[]>

  /** The tenant's events of these ids, in any order; unknown ids are left out. */
  getEvents(params: { tenantId: string; ids: string[] }): Promise<EventRecord[]>

  listEvents(params: EventListParams): Promise<ListResult<EventRecord>>

  /**
   * Events of the tenant that have no delivery for the endpoint, oldest first (ascending id),
   * from `since` (inclusive) until `until` (exclusive), after the id `after`. Leaves out events
   * that wait for their fan-out and events that were never to be fanned out.
   */
  listEventsWithoutDelivery(params: {
    tenantId: string
    endpointId: string
    since: Date
    until: Date
    after: string | null
    limit: number
  }): Promise<EventRecord[]>

  // ----------------------------------------------------------------- fan-out

  /**
   * Leases events that wait for their fan-out and are due: never leased, or their lease ended at
   * or before `now`. Tenants are served in turn: with several waiting, one tenant's backlog takes
   * no more than its share of `limit`. Within a tenant the oldest position comes first.
   * Turns go on from call to call, so that calls with a small `limit` are fair as well.
   * Two concurrent calls never return the same event.
   */
  claimEvents(params: {
    now: Date
    leaseToken: string
    leaseUntil: Date
    limit: number
  }): Promise<EventRecord[]>

  /**
   * Endpoints an event may concern: those of the tenant with an `activePosition` before `position`
   * that are not deleted, and are active, or were switched off at or after `emittedAt` (so that the
   * delivery can be recorded as cancelled). Ascending id, after `after`.
   */
  listSubscribers(params: {
    tenantId: string
    position: number
    emittedAt: Date
    after: string | null
    limit: number
  }): Promise<EndpointRecord[]>

  /**
   * Adds the deliveries of leased events and, where `done`, ends their wait. Results whose event
   * does not hold their `leaseToken` are left out. A delivery whose `(eventId, endpointId)` exists
   * already is left out: a fan-out that died half-way is simply done again.
   * `settlements` are of deliveries that are added here, under their own tokens: as if
   * `settleDeliveries` followed in the same write. Those of others are dropped.
   */
  fanOut(params: FanOutParams): Promise<FanOutAnswer>

  /** Gives leased events back: due at once, whatever the clock says, as if never leased. */
  releaseEvents(params: { now: Date; leases: Lease[] }): Promise<void>

  // -------------------------------------------------------------- deliveries

  /**
   * Adds deliveries of events that wait for no fan-out: for recovery and, leased, for test sends.
   * One whose `(eventId, endpointId)` exists already is left out.
   *
   * @returns Ids of those inserted.
   */
  insertDeliveries(params: { deliveries: NewDelivery[] }): Promise<string[]>

  /**
   * Leases deliveries that are pending and due (`dueAt <= now`): sets `leaseToken`, and `dueAt`
   * to `leaseUntil`. Two concurrent calls never return the same delivery.
   *
   * - Passed over: endpoints with `pausedUntil > now`; endpoints at their rate limit.
   * - Per endpoint at most `perEndpoint` less what `inFlight` says the caller has under way.
   * - The rate limit is a token bucket shared by all callers: `limit` tokens at rest, one taken per
   *   claimed delivery, one returned each `intervalMs / limit`. A change of the limit may start it
   *   afresh, and while the clock goes backwards nothing is returned.
   * - **One probe** over all callers: an active endpoint with `failedAttempts >= probeFrom` gets one
   *   delivery, and then none until `leaseUntil` has come, unless the probe ends before: by a
   *   {@link HealthChange} that names its `leaseToken` or tells of a success, or because the
   *   endpoint is switched on afresh. A release does not end it.
   * - In turn: tenants with due work alternate, and within a tenant its endpoints; within an
   *   endpoint the smallest `dueAt` comes first. A backlog of any size in one place costs other
   *   places nothing.
   * - Turns go on from call to call: a busy worker claims one at a time, and still every tenant,
   *   and every endpoint of it, gets its share. Remembering them in the process will do.
   * - Deliveries of inactive or deleted endpoints are claimed like others (a pause and a rate limit
   *   hold for them too, and no probing does); the engine cancels them.
   */
  claimDeliveries(params: {
    now: Date
    leaseToken: string
    leaseUntil: Date
    limit: number
    perEndpoint: number
    inFlight: ReadonlyMap<string, number>
    probeFrom: number
  }): Promise<ClaimedDeliveries>

  /**
   * Moves the end of leases that still hold. A delivery cancelled meanwhile still holds its token
   * and is among those returned; its `dueAt` stays `null`.
   *
   * @returns Ids of those that hold.
   */
  renewLeases(params: { leases: Lease[]; leaseUntil: Date }): Promise<string[]>

  /**
   * Gives leased deliveries back, due at once, as if they had never been claimed. One that was
   * cancelled meanwhile loses its token and stays cancelled. The rate limit's token is not
   * returned.
   */
  releaseDeliveries(params: { now: Date; leases: Lease[] }): Promise<void>

  /**
   * Records attempts together with the next state of their deliveries, and ends the leases.
   * A settlement whose delivery does not hold the token is dropped whole, its attempt with it; of
   * two for one delivery in the same call, the first counts.
   * Where the delivery was cancelled while the attempt was under way, the attempt is recorded and
   * counted (`attempts`, `responseStatus`, `lastError`), and the delivery stays cancelled, unless
   * the attempt succeeded: then it is `succeeded`, for that is what happened.
   *
   * @returns Ids of the deliveries accepted.
   */
  settleDeliveries(params: { now: Date; settlements: Settlement[] }): Promise<string[]>

  /**
   * Makes final deliveries (`succeeded`, `failed`, `cancelled`) pending again, due at `now`, with
   * `step` and `faults` at 0, `completedAt` and `cancelReason` cleared; `attempts` goes on counting.
   * Pending ones that no live lease holds (no token, or `dueAt <= now`) become due at `now` with
   * their `step` and `faults` kept. Others are left as they are. None of those changed holds a
   * token any more, so that an attempt from before can no longer settle.
   *
   * @returns Ids of those changed.
   */
  requeueDeliveries(params: { tenantId: string; ids: string[]; now: Date }): Promise<string[]>

  /**
   * Cancels pending deliveries, of the given ids or of an endpoint, at most `limit` of them: sets
   * `completedAt` to `now`, `cancelReason` to `reason` and `dueAt` to `null`. A lease token stays,
   * so that an attempt under way, which nobody can call back, is still recorded when it ends.
   * The endpoint may be a deleted one.
   *
   * @returns Ids of those cancelled.
   */
  cancelDeliveries(params: {
    tenantId: string
    which: { ids: string[] } | { endpointId: string }
    reason: CancelReason
    now: Date
    limit: number
  }): Promise<string[]>

  getDelivery(params: { tenantId: string; id: string }): Promise<DeliveryRecord | null>

  listDeliveries(params: DeliveryListParams): Promise<ListResult<DeliveryRecord>>

  /** Attempts of the tenant's deliveries of these ids, oldest first (ascending id). */
  listAttempts(params: { tenantId: string; deliveryIds: string[] }): Promise<Attempt[]>

  /**
   * A lower bound for the instant at which a claim of events or deliveries can next return
   * something; `null` if nothing waits. Leaves out the endpoints in `exclude` (those at their cap).
   * May be too early, never too late. But once claims of both, with those endpoints at their cap,
   * have found nothing at some `now`, it lies after that `now`: a worker never spins.
   */
  nextDueAt(params: { exclude: string[] }): Promise<Date | null>

  // --------------------------------------------------------------- endpoints

  /** One whose `id` exists already changes nothing and is returned as it stands. */
  insertEndpoint(params: { endpoint: NewEndpoint }): Promise<EndpointRecord>

  /**
   * Changes settings (`undefined` leaves one as it is), raises `version`, sets `updatedAt` to
   * `now`. Where `active` goes from false to true, health starts clean (`pausedUntil`,
   * `failingSince` and `failedAttempts` are reset, and no probe is under way) and `activePosition`
   * is set as at the creation. With `ifVersion`, only if the stored version is that.
   *
   * @returns The endpoint as it is afterwards; `'version_mismatch'`; or `null` if there is none.
   */
  updateEndpoint(params: {
    tenantId: string
    id: string
    changes: Partial<EndpointSettings>
    now: Date
    ifVersion?: number | undefined
  }): Promise<EndpointRecord | 'version_mismatch' | null>

  /**
   * Deletes an endpoint: it is no longer listed, found or matched, and its secrets and headers are
   * gone. Its deliveries and attempts stay readable until pruned.
   *
   * @returns Whether there was one.
   */
  deleteEndpoint(params: { tenantId: string; id: string; now: Date }): Promise<boolean>

  getEndpoint(params: { tenantId: string; id: string }): Promise<EndpointRecord | null>

  listEndpoints(params: EndpointListParams): Promise<ListResult<EndpointRecord>>

  /**
   * Endpoints of all tenants that are not deleted, ascending id, after the id `after`. For the
   * operator, who changes a key: nothing else asks across tenants.
   */
  listAllEndpoints(params: { after: string | null; limit: number }): Promise<EndpointRecord[]>

  /**
   * Applies {@link HealthChange}s. After a success the streak starts anew: `failedAttempts` is the
   * change's count and `failingSince` its `failedAt`; otherwise the count is added and
   * `failingSince` kept if set. A probe (see `claimDeliveries`) ends in the same write as the pause
   * that follows from it. `version` and `updatedAt` stay. Unknown endpoints are left out.
   *
   * @returns The endpoints as they are afterwards, each once.
   */
  recordHealth(params: { changes: HealthChange[] }): Promise<EndpointRecord[]>

  // --------------------------------------------------------------- operation

  /** Counts deliveries created, and attempts started, from `since` on and before `until`. */
  stats(params: {
    tenantId: string
    endpointId?: string | undefined
    since: Date
    until?: Date | undefined
  }): Promise<StatsRecord>

  /**
   * What waits, and how the endpoints are, over all tenants: for probes and gauges, which ask every
   * few seconds. It shall cost no more than counting what is pending along an index.
   */
  backlog(params: { now: Date }): Promise<BacklogRecord>

  /**
   * Deletes what is older than `before`, at most `limit` rows in one call: final deliveries by
   * `completedAt`, with their attempts; then events by `createdAt` that do not wait for a fan-out
   * and have no delivery left (their idempotency keys are free again); then endpoints deleted
   * before `before` that have none. Attempts and endpoints do not count towards `limit`. Never
   * anything pending.
   *
   * @returns How many deliveries and events went; below `limit` in sum when nothing is left.
   */
  prune(params: { before: Date; limit: number }): Promise<{ deliveries: number; events: number }>

  /**
   * Calls `listener` when another process may have added due work, if the storage has a way to
   * know. Optional: without it, the scheduler's polling finds such work.
   *
   * @returns A function that ends the subscription.
   */
  onWork?(listener: () => void): () => void

  /**
   * What a fault that a method threw means, for the error that callers and logs see. Optional:
   * without it, and for `null`, that error's code is `storage_failed`, and its message the driver's.
   */
  explainFault?(error: unknown): StorageFault | null
}
