import type {
  Attempt as AttemptModel,
  Delivery as DeliveryModel,
  Endpoint as EndpointModel,
  Page as PageModel,
  WebhookEvent,
} from '../../../model.ts'
import type { RecoverResult } from '../../../operations/recover.ts'
import type { Stats as StatsModel } from '../../../operations/stats.ts'
import type { ManagementAccess } from '../../access.ts'
import type { Problem as ProblemAnswer } from '../../problem.ts'

/** What becomes of a value on its way through JSON. */
type Json<Value> = Value extends Date
  ? string
  : Value extends readonly (infer Item)[]
    ? Json<Item>[]
    : Value extends object
      ? { [Key in keyof Value]: Json<Value[Key]> }
      : Value

export type Endpoint = Json<EndpointModel>
export type EndpointWithSecret = Endpoint & { secret: string }
export type Delivery = Json<DeliveryModel>
/** Bodies are `null` for those who may not see them. */
export type Attempt = Omit<Json<AttemptModel>, 'response'> & {
  response: (Omit<NonNullable<AttemptModel['response']>, 'body'> & { body: string | null }) | null
}
export interface DeliveryDetails {
  delivery: Delivery
  event: Omit<Json<WebhookEvent>, 'body'> & { body: string | null }
  attempts: Attempt[]
}
export type Page<Item> = PageModel<Item>
export type Stats = Json<StatsModel>
export type Recovery = Json<RecoverResult>
export type Session = Json<ManagementAccess>
export interface EventType {
  name: string
  description: string | null
}

/** Why a call did not succeed, in words. */
export class Problem extends Error {
  readonly code: string
  readonly issues: NonNullable<ProblemAnswer['issues']>

  constructor({
    code,
    detail,
    issues = [],
  }: Pick<ProblemAnswer, 'detail' | 'issues'> & { code: string }) {
    super(detail)
    this.code = code
    this.issues = issues
  }
}

/** The mount path, as the browser sees it. */
const base = location.pathname.replace(/\/portal\/?$/, '')

interface Call {
  body?: object
  /** The version that the change was made from. */
  ifVersion?: number
}

/** Calls the management API with the visitor's cookies. @throws Problem */
async function call<Answer>(method: string, path: string, given: Call = {}): Promise<Answer> {
  const { body, ifVersion } = given
  // A page of another site cannot send this content type unasked: it is what tells us from one.
  const withBody = method === 'POST' || method === 'PATCH'
  const response = await send(`${base}${path}`, {
    method,
    // Towards a login page, which is of no use to a script.
    redirect: 'manual',
    headers: {
      accept: 'application/json',
      ...(withBody && { 'content-type': 'application/json' }),
      ...(ifVersion !== undefined && { 'if-match': `"${ifVersion}"` }),
    },
    ...(withBody && { body: JSON.stringify(body ?? {}) }),
  })
  if (response.type === 'opaqueredirect' || response.status === 401) throw signedOut()
  if (response.status === 204) return undefined as Answer
  const answer = await readJson(response)
  if (response.ok) return answer as Answer
  throw new Problem(answer as ProblemAnswer)
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch {
    throw new Problem({
      code: 'unreachable',
      detail: 'The server cannot be reached. Check your connection and try again.',
    })
  }
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch {
    throw new Problem({
      code: 'unreadable',
      detail: `The server gave an answer that this page cannot read (${response.status}). Try again in a moment.`,
    })
  }
}

function signedOut(): Problem {
  return new Problem({
    code: 'unauthorized',
    detail: 'You are not signed in any more. Sign in again, then reload this page.',
  })
}

/** Conditions of a list; those that are empty do not count. */
export type Query = Record<string, string | undefined>

function withQuery(path: string, query: Query): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => !!entry[1])
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

/** What an owner sets of an endpoint here. */
export type EndpointInput = Pick<Endpoint, 'url' | 'description' | 'events'>

/** What recovery takes. */
export interface RecoverInput {
  since: string
  only: 'failed' | 'missing' | 'all'
  dryRun: boolean
}

const get = <Answer>(path: string, query: Query = {}) => call<Answer>('GET', withQuery(path, query))
const post = <Answer>(path: string, body?: object) =>
  call<Answer>('POST', path, body === undefined ? {} : { body })

/** Every call that the page makes. */
export const api = {
  session: () => get<Session>('/portal/session'),
  eventTypes: () => get<{ items: EventType[] }>('/event-types'),
  stats: (endpointId: string | null, query: Query) =>
    get<Stats>(endpointId === null ? '/stats' : `/${endpointId}/stats`, query),
  history: (endpointId: string | null, query: Query) =>
    get<{ items: Stats[] }>(
      endpointId === null ? '/stats/history' : `/${endpointId}/stats/history`,
      query,
    ),

  endpoints: (query: Query = {}) => get<Page<Endpoint>>('', { limit: '100', ...query }),
  endpoint: (id: string) => get<Endpoint>(`/${id}`),
  create: (body: EndpointInput) => post<EndpointWithSecret>('', body),
  update: ({ id, version }: Endpoint, body: EndpointInput) =>
    call<Endpoint>('PATCH', `/${id}`, { body, ifVersion: version }),
  delete: (id: string) => call<void>('DELETE', `/${id}`),
  enable: (id: string) => post<Endpoint>(`/${id}/enable`),
  disable: (id: string) => post<Endpoint>(`/${id}/disable`),
  rotateSecret: (id: string) => post<EndpointWithSecret>(`/${id}/rotate-secret`),
  test: (id: string) => post<Attempt>(`/${id}/test`),
  recover: (id: string, body: RecoverInput) => post<Recovery>(`/${id}/recover`, body),

  deliveries: (query: Query) => get<Page<Delivery>>('/deliveries', query),
  delivery: (id: string, deliveryId: string) =>
    get<DeliveryDetails>(`/${id}/deliveries/${deliveryId}`),
  retry: (id: string, deliveryId: string) =>
    post<Delivery>(`/${id}/deliveries/${deliveryId}/retry`),
  cancel: (id: string, deliveryId: string) =>
    post<Delivery>(`/${id}/deliveries/${deliveryId}/cancel`),
}
