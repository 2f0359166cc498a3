import type { BatchObservableResult, Counter, Histogram, Meter } from '@opentelemetry/api'
import type { Attempt, DeliveryStatus } from '../model.ts'
import type { AttemptFacts, Measured } from '../ports.ts'
import {
  attemptOperation,
  destinationOf,
  emitOperation,
  errorTypeOf,
  outcomeOf,
} from './attributes.ts'

/** Of `messaging.client.operation.duration`, by the conventions; with our time-out beyond them. */
const operationBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30,
]

/** From a first attempt that succeeds at once to the end of a schedule of three days. */
const latencyBuckets = [
  0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1_800, 7_200, 21_600, 86_400, 259_200,
]

const endpointStates = ['healthy', 'failing', 'paused', 'disabled'] as const

const seconds = (ms: number) => ms / 1_000
const statusOf = (status: DeliveryStatus) => ({ 'ainexlayer.webhooks.delivery.status': status })

/**
 * What is measured. No attribute names a tenant, an endpoint or a host: their number has no bound,
 * and each value is a time series.
 */
export class Instruments {
  readonly #meter: Meter
  readonly #operations: Histogram
  readonly #events: Counter
  readonly #sent: Counter
  readonly #latency: Histogram
  readonly #deliveries: Counter
  readonly #disabled: Counter
  readonly #faults: Counter

  constructor(meter: Meter) {
    this.#meter = meter
    this.#operations = meter.createHistogram('messaging.client.operation.duration', {
      description: 'Duration of emits and of attempts.',
      unit: 's',
      advice: { explicitBucketBoundaries: operationBuckets },
    })
    this.#sent = meter.createCounter('messaging.client.sent.messages', {
      description: 'Attempts made.',
      unit: '{message}',
    })
    this.#events = meter.createCounter('ainexlayer.webhooks.emitted.events', {
      description: 'Events that were emitted.',
      unit: '{event}',
    })
    this.#latency = meter.createHistogram('ainexlayer.webhooks.delivery.latency', {
      description: 'Time from the emit to the acceptance by a receiver, retries included.',
      unit: 's',
      advice: { explicitBucketBoundaries: latencyBuckets },
    })
    this.#deliveries = meter.createCounter('ainexlayer.webhooks.completed.deliveries', {
      description: 'Deliveries that ended, by status.',
      unit: '{delivery}',
    })
    this.#disabled = meter.createCounter('ainexlayer.webhooks.disabled.endpoints', {
      description: 'Endpoints that were switched off, by reason.',
      unit: '{endpoint}',
    })
    this.#faults = meter.createCounter('ainexlayer.webhooks.storage.faults', {
      description: 'Calls of the storage that failed, repeated ones included.',
      unit: '{fault}',
    })
  }

  async emit<Result>(types: readonly string[], run: () => Promise<Result>): Promise<Result> {
    const startedAt = performance.now()
    const attributes = { ...emitOperation, ...destinationOf(types) }
    try {
      const result = await run()
      this.#operations.record(seconds(performance.now() - startedAt), attributes)
      for (const type of types) this.#events.add(1, destinationOf([type]))
      return result
    } catch (error) {
      const failed = { ...attributes, 'error.type': errorTypeOf(error) }
      this.#operations.record(seconds(performance.now() - startedAt), failed)
      throw error
    }
  }

  async attempt(facts: AttemptFacts, run: () => Promise<Attempt>): Promise<Attempt> {
    const attempt = await run()
    const attributes = {
      ...attemptOperation,
      ...destinationOf([facts.eventType]),
      ...outcomeOf(attempt),
    }
    this.#operations.record(seconds(attempt.durationMs), attributes)
    this.#sent.add(1, attributes)
    if (attempt.succeeded) {
      const acceptedAt = attempt.startedAt.getTime() + attempt.durationMs
      const latency = seconds(Math.max(0, acceptedAt - facts.emittedAt.getTime()))
      this.#latency.record(latency, destinationOf([facts.eventType]))
    }
    return attempt
  }

  storageFault(method: string): void {
    this.#faults.add(1, { 'ainexlayer.webhooks.storage.method': method })
  }

  begin(instance: Measured): () => void {
    const { on } = instance
    const ends = [
      on('delivery.succeeded', ({ delivery }) => this.#countEnded('succeeded', delivery.eventType)),
      on('delivery.failed', ({ delivery }) => this.#countEnded('failed', delivery.eventType)),
      on('delivery.cancelled', ({ deliveryIds }) =>
        this.#deliveries.add(deliveryIds.length, statusOf('cancelled')),
      ),
      on('endpoint.disabled', ({ reason }) =>
        this.#disabled.add(1, { 'ainexlayer.webhooks.disabled.reason': reason }),
      ),
      this.#observe(instance),
    ]
    return () => {
      for (const end of ends) end()
    }
  }

  #countEnded(status: 'succeeded' | 'failed', type: string): void {
    this.#deliveries.add(1, { ...statusOf(status), ...destinationOf([type]) })
  }

  /** Gauges, read once for each collection. */
  #observe(instance: Measured): () => void {
    const backlog = this.#meter.createObservableGauge('ainexlayer.webhooks.backlog', {
      description: 'What waits: events for their fan-out, deliveries for their end.',
      unit: '{item}',
    })
    const oldest = this.#meter.createObservableGauge('ainexlayer.webhooks.backlog.oldest.age', {
      description: 'Age of the oldest that waits; 0 if nothing does.',
      unit: 's',
    })
    const endpoints = this.#meter.createObservableGauge('ainexlayer.webhooks.endpoints', {
      description: 'Endpoints by state.',
      unit: '{endpoint}',
    })
    const report = async (result: BatchObservableResult) => {
      const record = await instance.backlog()
      if (record === null) return
      for (const kind of ['events', 'deliveries'] as const) {
        const attributes = { 'ainexlayer.webhooks.backlog.kind': kind }
        const { count, oldestAt } = record[kind]
        const ageMs = oldestAt === null ? 0 : instance.now().getTime() - oldestAt.getTime()
        result.observe(backlog, count, attributes)
        result.observe(oldest, seconds(Math.max(0, ageMs)), attributes)
      }
      for (const state of endpointStates) {
        const attributes = { 'ainexlayer.webhooks.endpoint.state': state }
        result.observe(endpoints, record.endpoints[state], attributes)
      }
    }
    const instruments = [backlog, oldest, endpoints]
    this.#meter.addBatchObservableCallback(report, instruments)
    return () => this.#meter.removeBatchObservableCallback(report, instruments)
  }
}
