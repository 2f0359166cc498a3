/**
 * Names by OpenTelemetry's semantic conventions where there is one: messaging
 * (https://opentelemetry.io/docs/specs/semconv/messaging/), HTTP
 * (https://opentelemetry.io/docs/specs/semconv/http/). What they have no word for begins with
 * `ainexlayer.webhooks.`.
 */
import type { Attributes } from '@opentelemetry/api'
import { isWebhooksError } from '../errors.ts'
import type { Attempt } from '../model.ts'

const system = { 'messaging.system': 'ainexlayer_webhooks' }

/** Creates messages, whose context their attempts link to. */
export const emitOperation: Attributes = {
  ...system,
  'messaging.operation.name': 'emit',
  'messaging.operation.type': 'create',
}

/** Sends one message to one receiver. */
export const attemptOperation: Attributes = {
  ...system,
  'messaging.operation.name': 'send',
  'messaging.operation.type': 'send',
}

/** The destination of a call: its event type, if it has but one. */
export function destinationOf(types: readonly string[]): Attributes {
  const [first] = types
  const isOne = first !== undefined && types.every((type) => type === first)
  return isOne ? { 'messaging.destination.name': first } : {}
}

/** Of what was thrown its code alone: a message may repeat what was given. */
export function errorTypeOf(error: unknown): string {
  if (isWebhooksError(error)) return error.code
  return error instanceof Error ? error.name : '_OTHER'
}

/** How an attempt ended, in few different values: the status, or our code where there was none. */
export function outcomeOf({ response, error }: Attempt): Attributes {
  const status = response && { 'http.response.status_code': response.status }
  if (error === null) return { ...status }
  const type = error.code === 'http_status' ? String(response?.status) : error.code
  return { ...status, 'error.type': type, 'ainexlayer.webhooks.error.origin': error.origin }
}
