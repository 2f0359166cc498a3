import { createHash } from 'node:crypto'
import { isWebhooksError } from '../errors.ts'
import { type IdempotencyKeys, readIdempotencyKey } from './idempotency.ts'
import { Refusal } from './problem.ts'
import {
  checkForm,
  readBody,
  readIfMatch,
  readQuery,
  refuseCrossSite,
  versionMismatch,
} from './request.ts'
import type { Route, RouteInput } from './route.ts'

type Around = Omit<RouteInput<string, unknown, unknown>, 'query' | 'body' | 'ifVersion'>

/** Ids as the library makes them, and names of event types. All else is not found anyway. */
const paramForm = /^[\w.]{1,128}$/

/** The answers that repeats get. */
export type AnswersByKey = IdempotencyKeys<Written>

/** Checks a request against its route, and answers it. @throws Refusal, WebhooksError */
export async function answerRoute(
  route: Route,
  { request, keys, input }: { request: Request; keys: AnswersByKey; input: Around },
): Promise<Response> {
  const { access, params } = input
  if (route.action !== null && !access.actions.includes(route.action)) {
    throw new Refusal('forbidden', 'You may not do this.')
  }
  refuseCrossSite(request)
  if (!Object.values<string>(params).every((param) => paramForm.test(param))) {
    throw new Refusal('not_found', 'There is nothing of this name.')
  }
  const query = readRouteQuery(route, request)
  const { text, body } = await readRouteBody(route, request)
  const ifVersion = route.ifMatch && readIfMatch(request.headers, route.ifMatch)
  const work = () => handle(route, { ...input, query, body, ifVersion })

  const key = route.method === 'post' ? readIdempotencyKey(request.headers) : undefined
  if (key === undefined) return toResponse(await work())
  const seesPayloads = access.actions.includes('payloads')
  const { value, replayed } = await keys.run(
    {
      scope: JSON.stringify([access.tenantId, seesPayloads]),
      key,
      fingerprint: fingerprintOf([route.operationId, JSON.stringify(params), text]),
    },
    work,
  )
  return toResponse(value, replayed ? { 'idempotency-replayed': 'true' } : {})
}

/** An answer as it goes out. */
interface Written {
  status: number
  headers: Record<string, string>
  /** JSON; `null` where there is no body. */
  text: string | null
}

function toResponse(
  { status, headers, text }: Written,
  more: Record<string, string> = {},
): Response {
  const type = text !== null && { 'content-type': 'application/json' }
  return new Response(text, { status, headers: { ...type, ...headers, ...more } })
}

function readRouteQuery(route: Route, request: Request): unknown {
  const query = readQuery(request.url)
  if (route.query !== undefined) return checkForm(route.query, query, 'query')
  const [name] = Object.keys(query)
  if (name === undefined) return undefined
  throw new Refusal('invalid_request', 'The query is not valid: this takes none.', {
    issues: [{ path: [name], message: 'is not known' }],
  })
}

async function readRouteBody(
  route: Route,
  request: Request,
): Promise<{ text: string; body: unknown }> {
  if (route.body === undefined) return { text: '', body: undefined }
  const { text, value } = await readBody(request)
  if (value === undefined && route.bodyOptional) return { text, body: undefined }
  return { text, body: checkForm(route.body, value, 'body') }
}

async function handle(route: Route, input: RouteInput<string, unknown, unknown>): Promise<Written> {
  try {
    const { body, headers = {} } = await route.handle(input)
    const text = body === undefined ? null : JSON.stringify(body)
    return { status: route.success.status, headers, text }
  } catch (error) {
    throw input.ifVersion !== undefined && isWebhooksError(error, 'conflict')
      ? versionMismatch()
      : error
  }
}

function fingerprintOf(parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}
