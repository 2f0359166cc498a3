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

/** Checks a request against its route, and answers it. @throws Refusal, WebhooksError */
export async function answerRoute(
  route: Route,
  { request, keys, input }: { request: Request; keys: IdempotencyKeys; input: Around },
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
  const ifVersion = route.ifMatch ? readIfMatch(request.headers) : undefined
  const work = () => handle(route, { ...input, query, body, ifVersion })

  const key = route.method === 'post' ? readIdempotencyKey(request.headers) : undefined
  if (key === undefined) return work()
  const seesPayloads = access.actions.includes('payloads')
  return keys.run(
    {
      scope: JSON.stringify([access.tenantId, seesPayloads]),
      key,
      fingerprint: fingerprintOf([route.operationId, JSON.stringify(params), text]),
    },
    work,
  )
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

async function handle(
  route: Route,
  input: RouteInput<string, unknown, unknown>,
): Promise<Response> {
  try {
    const { body, headers } = await route.handle(input)
    const { status } = route.success
    return body === undefined
      ? new Response(null, { status, headers })
      : Response.json(body, { status, headers })
  } catch (error) {
    throw input.ifVersion !== undefined && isWebhooksError(error, 'conflict')
      ? versionMismatch()
      : error
  }
}

function fingerprintOf(parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}
