import { WebhooksError } from '../../errors.ts'
import type { InsertedEvent, NewEvent } from '../../storage/storage.ts'
import { Batcher } from '../batcher.ts'
import type { Context } from '../context.ts'
import type { EventRegistry } from './registry.ts'
import { serializeBody } from './serialize.ts'

/** What an emit may carry beside its data. */
export interface EmitOptions<Transaction = never> {
  /** Whose endpoints receive the event. Default `default`. */
  tenantId?: string | undefined
  /**
   * A key of your own for this occurrence, 1 to 256 characters, unique per tenant: emitting it
   * again returns the first event and sends nothing, for as long as that event is kept.
   */
  idempotencyKey?: string | undefined
  /** Up to 10 names that narrow the receivers. */
  channels?: string[] | undefined
  /**
   * An open transaction of your own, in the form the storage adapter takes. The event commits or
   * vanishes with it; only new rows are written on it, and no endpoint is read or locked.
   */
  transaction?: Transaction | undefined
}

/** What `emit` resolves to, once the event is durable. */
export interface EmittedEvent {
  /** `evt_…`, the `webhook-id` that receivers see. */
  id: string
  createdAt: Date
  /** Whether an earlier emit with the same idempotency key stands for this one. */
  duplicate: boolean
}

/** One entry of `emitMany`, before it is checked. */
export interface EmitRequest {
  type: string
  data: unknown
  options: EmitOptions<unknown>
}

const eventsPerWrite = 500

/** Stores events, and sees to it that they are fanned out. */
type Insert = (events: NewEvent[], transaction: unknown) => Promise<InsertedEvent[]>

/** Takes events in: validates, serialises once, and stores by group commit. */
export class Emitter {
  readonly #context: Context
  readonly #registry: EventRegistry
  readonly #batcher: Batcher<NewEvent, EmittedEvent>
  /**
   * Events with an idempotency key apart: one whose key an open transaction holds waits for that
   * transaction's end, and nobody else shall wait with it.
   */
  readonly #keyed: Batcher<NewEvent, EmittedEvent>
  readonly #store: Insert

  constructor(context: Context, parts: { registry: EventRegistry; insert: Insert }) {
    this.#context = context
    this.#registry = parts.registry
    this.#store = parts.insert
    const batching = {
      write: (events: NewEvent[]) => this.#insert(events),
      maxBatch: eventsPerWrite,
      // While the database stores one batch, the next one is made ready and sent.
      writers: 2,
      clock: context.clock,
    }
    this.#batcher = new Batcher(batching)
    this.#keyed = new Batcher(batching)
  }

  emit(request: EmitRequest): Promise<EmittedEvent> {
    const { telemetry } = this.#context
    if (telemetry === null) return this.#emit(request, null)
    return telemetry.emit([request.type], (trace) => this.#emit(request, trace))
  }

  async #emit(request: EmitRequest, traceparent: string | null): Promise<EmittedEvent> {
    const event = this.#prepare(request, traceparent)
    const { transaction } = request.options
    if (transaction === undefined) {
      return (event.idempotencyKey === null ? this.#batcher : this.#keyed).add(event)
    }
    const [emitted] = await this.#insert([event], transaction)
    return emitted as EmittedEvent
  }

  /** Stores all of them or, where one is refused, none. */
  emitMany(requests: EmitRequest[], transaction: unknown): Promise<EmittedEvent[]> {
    const { telemetry } = this.#context
    if (telemetry === null) return this.#emitMany(requests, transaction, null)
    const types = requests.map(({ type }) => type)
    return telemetry.emit(types, (trace) => this.#emitMany(requests, transaction, trace))
  }

  async #emitMany(
    requests: EmitRequest[],
    transaction: unknown,
    traceparent: string | null,
  ): Promise<EmittedEvent[]> {
    const events = requests.map((request) => this.#prepare(request, traceparent))
    return events.length === 0 ? [] : this.#insert(events, transaction)
  }

  /** Resolves once everything handed in is stored. */
  async idle(): Promise<void> {
    await Promise.all([this.#batcher.idle(), this.#keyed.idle()])
  }

  #prepare({ type, data, options }: EmitRequest, traceparent: string | null): NewEvent {
    const { clock, ids, settings } = this.#context
    const parsed = settings.redaction.parse(this.#registry, type, data)
    const channels = checkChannels(options.channels ?? [])
    const idempotencyKey = checkKey(options.idempotencyKey)
    const createdAt = clock.now()
    return {
      id: ids('evt'),
      tenantId: options.tenantId ?? '',
      type,
      body: serializeBody({ type, createdAt, data: parsed }, settings.limits.payloadBytes),
      channels,
      idempotencyKey,
      traceparent,
      createdAt,
      fanOut: true,
      lease: null,
    }
  }

  async #insert(events: NewEvent[], transaction?: unknown): Promise<EmittedEvent[]> {
    const answers = await this.#store(events, transaction)
    return answers.map(({ id, createdAt, inserted }) => ({ id, createdAt, duplicate: !inserted }))
  }
}

const mostChannels = 10
const longestName = 256

function checkKey(key: string | undefined): string | null {
  if (key === undefined) return null
  if (typeof key !== 'string' || key.length < 1 || key.length > longestName) {
    throw invalid(`idempotencyKey must be a string of 1 to ${longestName} characters`)
  }
  return key
}

/**
 * Checks the channels of an event or an endpoint.
 *
 * @throws WebhooksError `invalid_option`
 */
export function checkChannels(channels: string[]): string[] {
  const fits = (name: unknown) =>
    typeof name === 'string' && name.length >= 1 && name.length <= longestName
  if (!Array.isArray(channels) || channels.length > mostChannels || !channels.every(fits)) {
    throw invalid(
      `channels must be a list of at most ${mostChannels} names of 1 to ${longestName} characters`,
    )
  }
  return [...new Set(channels)]
}

function invalid(message: string): WebhooksError {
  return new WebhooksError('invalid_option', message)
}
