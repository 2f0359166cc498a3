/** How errors reach a client: as JSON, with a status that fits and nothing that is not theirs. */
import { isWebhooksError, type WebhooksErrorCode } from '@ainexlayer/webhooks'
import type { ErrorRequestHandler } from 'express'

/** A refusal by this backend itself. */
export class HttpError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** What `emit` throws and the client can put right, or wait for. All other codes are ours: 500. */
const statuses: Partial<Record<WebhooksErrorCode, number>> = {
  invalid_option: 400,
  payload_too_large: 413,
  stopped: 503,
  storage_failed: 503,
  storage_unreachable: 503,
  storage_full: 503,
  storage_read_only: 503,
}

export const answerError: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) return next(error)
  const { status, code, message } = describe(error)
  if (status >= 500) console.error(error)
  const shown = status >= 500 ? 'Something went wrong on our side.' : message
  response.status(status).json({ error: { code, message: shown } })
}

function describe(error: unknown): { status: number; code: string; message: string } {
  if (error instanceof HttpError) return error
  if (isWebhooksError(error)) {
    return { status: statuses[error.code] ?? 500, code: error.code, message: error.message }
  }
  // What Express itself refuses, such as malformed JSON or a body beyond its limit.
  if (
    error instanceof Error &&
    'status' in error &&
    'type' in error &&
    Number(error.status) < 500
  ) {
    return { status: Number(error.status), code: String(error.type), message: error.message }
  }
  return { status: 500, code: 'internal', message: '' }
}
