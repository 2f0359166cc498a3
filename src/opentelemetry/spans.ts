import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { Attempt } from '../model.ts'
import type { AttemptFacts } from '../ports.ts'
import {
  attemptOperation,
  destinationOf,
  emitOperation,
  errorTypeOf,
  outcomeOf,
} from './attributes.ts'
import { formatTraceparent, parseTraceparent } from './traceparent.ts'

/**
 * A span round an emit, a child of whatever the caller does. Its context is stored with the events.
 * One for each call, also for a list: a hundred spans that begin and end together say no more.
 */
export async function emitSpan<Result>(
  tracer: Tracer,
  types: readonly string[],
  run: (traceparent: string | null) => Promise<Result>,
): Promise<Result> {
  const destination = destinationOf(types)
  const span = tracer.startSpan(nameOf('emit', destination), {
    kind: SpanKind.PRODUCER,
    attributes: {
      ...emitOperation,
      ...destination,
      ...(types.length > 1 && { 'messaging.batch.message_count': types.length }),
    },
  })
  if (!isSpanContextValid(span.spanContext())) return run(null) // no SDK
  try {
    const traceparent = formatTraceparent(span.spanContext())
    return await context.with(trace.setSpan(context.active(), span), () => run(traceparent))
  } catch (error) {
    span.setAttribute('error.type', errorTypeOf(error)).setStatus({ code: SpanStatusCode.ERROR })
    throw error
  } finally {
    span.end()
  }
}

/**
 * A span round an attempt. Each one is the root of a trace of its own that links to the emit, the
 * first as well as those of three days later: the trace of the emit has long been closed, and
 * sampled or dropped, when the last of them begins. CLIENT and not PRODUCER, because the context
 * that receivers of the event refer to is the one of the emit.
 */
export async function attemptSpan(
  tracer: Tracer,
  facts: AttemptFacts,
  {
    run,
    sendTraceparent,
  }: {
    run: (headers: Record<string, string>) => Promise<Attempt>
    sendTraceparent: boolean
  },
): Promise<Attempt> {
  const emitted = parseTraceparent(facts.traceparent)
  const destination = destinationOf([facts.eventType])
  const span = tracer.startSpan(
    nameOf('send', destination),
    {
      kind: SpanKind.CLIENT,
      links: emitted === null ? [] : [{ context: emitted }],
      attributes: { ...attemptOperation, ...destination },
    },
    ROOT_CONTEXT,
  )
  const within = untraced(trace.setSpan(ROOT_CONTEXT, span))
  if (!isSpanContextValid(span.spanContext())) return context.with(within, () => run({})) // no SDK
  // For spans that were not sampled, the rest is spared.
  if (span.isRecording()) span.setAttributes(describe(facts))
  try {
    const traceparent = sendTraceparent ? formatTraceparent(span.spanContext()) : null
    const headers: Record<string, string> = traceparent === null ? {} : { traceparent }
    const attempt = await context.with(within, () => run(headers))
    span.setAttribute('ainexlayer.webhooks.attempt.id', attempt.id)
    span.setAttributes(outcomeOf(attempt))
    if (!attempt.succeeded) span.setStatus({ code: SpanStatusCode.ERROR })
    return attempt
  } finally {
    span.end()
  }
}

function nameOf(operation: string, { 'messaging.destination.name': destination }: Attributes) {
  return destination === undefined ? operation : `${operation} ${destination}`
}

/**
 * Of the URL its scheme and host alone, against the conventions, which want all of it: the path of
 * a receiver's URL is often its password.
 */
function describe(facts: AttemptFacts): Attributes {
  const { protocol, hostname, port } = new URL(facts.url)
  const scheme = protocol.slice(0, -1)
  return {
    'messaging.message.id': facts.eventId,
    'messaging.destination.subscription.name': facts.endpointId,
    'http.request.method': 'POST',
    'url.scheme': scheme,
    'server.address': hostname,
    'server.port': port === '' ? (scheme === 'https' ? 443 : 80) : Number(port),
    ...(facts.number > 1 && { 'http.request.resend_count': facts.number - 1 }),
    'ainexlayer.webhooks.delivery.id': facts.deliveryId,
    'ainexlayer.webhooks.tenant.id': facts.tenantId,
  }
}

/**
 * Tells instrumentations of HTTP clients to leave the request alone. The attempt's span is that of
 * the request already; and they would add a `traceparent` that nobody asked for. By the key of
 * `@opentelemetry/core`, which depends on it: a package of its own for one symbol is too much.
 */
function untraced(of: Context): Context {
  return of.setValue(suppressTracing, true)
}

const suppressTracing = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
