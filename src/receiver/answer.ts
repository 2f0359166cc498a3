import { isWebhooksError } from '../errors.ts'

/** What the receiver answers: give the status and the text to the sender. */
export interface ReceiverAnswer {
  status: number
  /** For the sender's log: a stable code and a sentence, or nothing. Never a handler's error. */
  text: string
}

/** The headers of every answer; a text of ours is nothing that a browser should guess at. */
export const answerHeaders = {
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
}

export const handled: ReceiverAnswer = { status: 204, text: '' }
export const accepted: ReceiverAnswer = { status: 202, text: '' }

export const methodNotAllowed: ReceiverAnswer = {
  status: 405,
  text: 'method_not_allowed: webhooks are sent by POST',
}

/** Another process is at it and may yet fail, so that 2xx would be a promise that nobody gave. */
export const busy: ReceiverAnswer = {
  status: 409,
  text: 'busy: this event is being handled; send it again later',
}

/** Our sender pauses on 503, which is what an overrun receiver needs. */
export const overrun: ReceiverAnswer = {
  status: 503,
  text: 'overrun: too many events are being handled; send it again later',
}

export const unhandledType: ReceiverAnswer = {
  status: 501,
  text: 'unhandled: this receiver has no handler for the event type',
}

/** For what is the sender's affair the reason; for what is ours a status, so that it tries again. */
export function answerTo(error: unknown): ReceiverAnswer {
  if (!isWebhooksError(error)) return receiverFailed
  const { code, message } = error
  const text = `${code}: ${message}`
  if (code === 'body_too_large') return { status: 413, text }
  if (code.startsWith('signature_') || code === 'invalid_payload') return { status: 400, text }
  // Says nothing secret, and is seen first in the sender's log.
  if (code === 'body_not_raw') return { status: 500, text }
  return receiverFailed
}

export const receiverFailed: ReceiverAnswer = {
  status: 500,
  text: 'receiver_failed: the receiver could not handle the event; send it again later',
}
