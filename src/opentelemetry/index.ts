/**
 * Traces and metrics by OpenTelemetry, for hosts that have it. The only entry that imports
 * `@opentelemetry/api`, which is an optional peer; without an SDK its calls do nothing.
 */
import { createNoopMeter, type Meter, metrics, type Tracer, trace } from '@opentelemetry/api'
import { checkOptions } from '../option-names.ts'
import type { Telemetry } from '../ports.ts'
import { Instruments } from './instruments.ts'
import { attemptSpan, emitSpan } from './spans.ts'

/** What {@link openTelemetry} takes. */
export interface OpenTelemetryOptions {
  /** Makes the spans. Default `trace.getTracer('@ainexlayer/webhooks')`. */
  tracer?: Tracer | undefined
  /** Makes the instruments. Default `metrics.getMeter('@ainexlayer/webhooks')`. */
  meter?: Meter | undefined
  /**
   * Whether requests carry a `traceparent` header with the context of the attempt's span, so that
   * receivers who trace can go on from it. It tells strangers your trace ids, and nothing else of
   * the trace: `tracestate` and `baggage` are never sent. Default `false`.
   */
  sendTraceparent?: boolean | undefined
}

const scope = '@ainexlayer/webhooks'

/**
 * Follows an instance with OpenTelemetry: a span for each emit and each attempt, and metrics.
 * Start the SDK before you call it: meters that are asked for earlier stay silent.
 *
 * @example
 * const webhooks = createWebhooks({ events, storage, telemetry: openTelemetry() })
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  checkOptions('openTelemetry', options, ['tracer', 'meter', 'sendTraceparent'])
  const tracer = options.tracer ?? trace.getTracer(scope)
  const { sendTraceparent = false } = options
  const spans: Telemetry = {
    emit: (types, run) => emitSpan(tracer, types, run),
    attempt: (facts, run) => attemptSpan(tracer, facts, { run, sendTraceparent }),
    storageFault() {},
    begin: () => () => {},
  }
  const meter = options.meter ?? metrics.getMeter(scope)
  return measuresNothing(meter) ? spans : measured(spans, new Instruments(meter))
}

function measured(spans: Telemetry, instruments: Instruments): Telemetry {
  return {
    emit: (types, run) => instruments.emit(types, () => spans.emit(types, run)),
    attempt: (facts, run) => instruments.attempt(facts, () => spans.attempt(facts, run)),
    storageFault: (method) => instruments.storageFault(method),
    begin: (instance) => instruments.begin(instance),
  }
}

/** Without an SDK every meter is this one, for good. */
function measuresNothing(meter: Meter): boolean {
  return meter === createNoopMeter()
}
