import { isSpanContextValid, type SpanContext, TraceFlags } from '@opentelemetry/api'

/** Version 00, the only one there is (https://www.w3.org/TR/trace-context/#traceparent-header). */
const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** @returns `null` where there is no trace, as without an SDK. */
export function formatTraceparent(context: SpanContext): string | null {
  if (!isSpanContextValid(context)) return null
  const flags = context.traceFlags & TraceFlags.SAMPLED
  return `00-${context.traceId}-${context.spanId}-0${flags}`
}

/** @returns `null` for what is none: whoever can write to the storage can write anything. */
export function parseTraceparent(text: string | null): SpanContext | null {
  const [, traceId = '', spanId = '', flags = ''] = pattern.exec(text ?? '') ?? []
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  const context: SpanContext = { traceId, spanId, traceFlags, isRemote: true }
  return isSpanContextValid(context) ? context : null
}
