import { STATUS_CODES } from 'node:http'
import { isWebhooksError, type WebhooksErrorCode, type WebhooksErrorIssue } from '../errors.ts'

/** What only the management API refuses: stable, like the codes of `WebhooksError`. */
export const refusals = {
  invalid_request: 400,
  invalid_json: 400,
  unauthorized: 401,
  forbidden: 403,
  cross_site_request: 403,
  not_found: 404,
  method_not_allowed: 405,
  version_mismatch: 412,
  body_too_large: 413,
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  if_match_missing: 428,
  internal: 500,
} as const

/** A code that only the management API answers with. */
export type RefusalCode = keyof typeof refusals

/** Codes of `WebhooksError` that are the caller's to put right, or that pass. All others are 500. */
const statuses: Partial<Record<WebhooksErrorCode, number>> = {
  invalid_option: 400,
  invalid_cursor: 400,
  endpoint_not_found: 404,
  event_not_found: 404,
  delivery_not_found: 404,
  unknown_event: 404,
  conflict: 409,
  invalid_url: 422,
  address_refused: 422,
  invalid_pattern: 422,
  invalid_filter: 422,
  invalid_header: 422,
  invalid_secret: 422,
  stopped: 503,
  storage_failed: 503,
  storage_closed: 503,
  storage_unreachable: 503,
}

/** A code that the management API can answer with. */
export type ProblemCode = RefusalCode | WebhooksErrorCode

/** An answer that is no success: `application/problem+json` (RFC 9457). */
export interface Problem {
  /** Always `about:blank`: what went wrong is told by `code`. */
  type: 'about:blank'
  /** The status in words. */
  title: string
  status: number
  /** What went wrong and the way out, for people. */
  detail: string
  /** What went wrong, for programs. */
  code: ProblemCode
  /** What exactly is wrong with the request, where that can be told: one entry per finding. */
  issues?: WebhooksErrorIssue[]
}

/** A request that the management API itself turns down. */
export class Refusal extends Error {
  readonly code: RefusalCode
  readonly issues: readonly WebhooksErrorIssue[]
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: RefusalCode,
    detail: string,
    options: { issues?: WebhooksErrorIssue[]; headers?: Record<string, string> } = {},
  ) {
    super(detail)
    this.code = code
    this.issues = options.issues ?? []
    this.headers = options.headers ?? {}
  }
}

/** The status that goes with a code. */
export function statusOf(code: ProblemCode): number {
  return code in refusals
    ? refusals[code as RefusalCode]
    : (statuses[code as WebhooksErrorCode] ?? 500)
}

/** What a caller is told about an error: of faults of ours nothing but that there was one. */
export function toProblem(error: unknown): Problem {
  const known = error instanceof Refusal || isWebhooksError(error)
  const status = known ? statusOf(error.code) : 500
  if (!known || status === 500) {
    return problem({ code: 'internal', status: 500, detail: 'Something went wrong on our side.' })
  }
  if (status === 503) {
    const detail = 'This is not possible at the moment. Try again in a while.'
    return problem({ code: error.code, status, detail })
  }
  const { code, message: detail, issues } = error
  return problem({ code, status, detail, ...(issues.length > 0 && { issues: [...issues] }) })
}

function problem(parts: Omit<Problem, 'type' | 'title'>): Problem {
  return { type: 'about:blank', title: STATUS_CODES[parts.status] ?? 'Error', ...parts }
}

/** The answer that tells of an error. */
export function problemResponse(error: unknown): Response {
  const problem = toProblem(error)
  const headers = new Headers({ 'content-type': 'application/problem+json' })
  if (problem.status === 503) headers.set('retry-after', '5')
  if (error instanceof Refusal) {
    for (const [name, value] of Object.entries(error.headers)) headers.set(name, value)
  }
  return new Response(JSON.stringify(problem), { status: problem.status, headers })
}
