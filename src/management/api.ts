import { Hono } from 'hono'
import type { EventRegistry } from '../core/events/registry.ts'
import { guardedLogger } from '../core/guarded-logger.ts'
import { isWebhooksError, WebhooksError } from '../errors.ts'
import { checkOptions } from '../option-names.ts'
import type { Clock, Logger } from '../ports.ts'
import { consoleLogger, systemClock } from '../system.ts'
import { type Authorize, checkAccess, type ManagementAccess } from './access.ts'
import { type AnswersByKey, answerRoute } from './answer.ts'
import { IdempotencyKeys } from './idempotency.ts'
import { openApiDocument } from './openapi/document.ts'
import { createPortal, type PortalOptions } from './portal/index.ts'
import { problemResponse, Refusal, toProblem } from './problem.ts'
import type { Route, TenantFace } from './route.ts'
import { routes } from './routes/index.ts'

/** The part of an instance that the management API uses: any `Webhooks` has it. */
export interface ManagedWebhooks {
  readonly registry: EventRegistry
  forTenant(tenantId: string): TenantFace
}

/** What {@link managementApi} takes. */
export interface ManagementOptions<Context = unknown> {
  /** Tells who calls, and what that caller may do. Without it nothing is served. */
  authorize: Authorize<Context>
  /** The path that it is mounted under. Default `/api/v1/webhooks`. */
  basePath?: string | undefined
  /** The web page at `/portal` below the mount path. `false`: none. Default: the page. */
  portal?: PortalOptions | false | undefined
  /** Where faults of ours and of `authorize` are reported. Default: the console. */
  logger?: Logger | undefined
  /** Default: the system's. */
  clock?: Clock | undefined
}

/**
 * The management API: takes a request, and what the host wants `authorize` to see beside it.
 * Never throws: whatever happens becomes an answer.
 */
export type ManagementApi<Context = unknown> = (
  request: Request,
  ...context: unknown extends Context ? [context?: unknown] : [context: Context]
) => Promise<Response>

interface Env<Context> {
  Bindings: { context: Context }
  Variables: { access: ManagementAccess }
}

/**
 * Serves an instance's endpoints, delivery log and figures over HTTP, as a fetch handler that any
 * framework can mount. A path may come with the mount path or, from frameworks that cut it off,
 * without.
 *
 * @example
 * const api = managementApi(webhooks, {
 *   authorize: async (request) => {
 *     const user = await userOf(request.headers.get('authorization'))
 *     return user && { tenantId: user.workspaceId, actions: managementActions }
 *   },
 * })
 * app.all('/api/v1/webhooks/*', (c) => api(c.req.raw)) // Hono
 *
 * @throws WebhooksError `invalid_option`
 */
export function managementApi<Context = unknown>(
  webhooks: ManagedWebhooks,
  options: ManagementOptions<Context>,
): ManagementApi<Context> {
  const { authorize, basePath, portal, logger, clock } = checkManagementOptions(options)
  const { registry } = webhooks
  const keys: AnswersByKey = new IdempotencyKeys(clock)
  let document: object | undefined
  const app = new Hono<Env<Context>>({
    getPath: (request) => pathBelow(basePath, new URL(request.url).pathname),
  })

  app.use(async (c, next) => {
    const verdict = await judge(c.req.raw, c.env.context)
    if (verdict instanceof Response) return verdict
    c.set('access', verdict)
    await next()
  })

  app.get('/openapi.json', (c) => {
    document ??= openApiDocument({ routes, registry, basePath })
    return c.json(document)
  })
  allowOnly('/openapi.json', ['get'])
  if (portal) {
    app.get('/portal/*', (c) => portal(c.req.raw, { path: c.req.path, access: c.get('access') }))
    allowOnly('/portal/*', ['get'])
  }
  for (const [path, ofPath] of routesByPath()) {
    for (const route of ofPath) {
      app.on(route.method.toUpperCase(), path, (c) => {
        const access = c.get('access')
        const tenant = webhooks.forTenant(access.tenantId)
        const params: Record<string, string> = c.req.param()
        const input = { params, tenant, registry, access, basePath }
        return answerRoute(route, { request: c.req.raw, keys, input })
      })
    }
    allowOnly(
      path,
      ofPath.map(({ method }) => method),
    )
  }
  app.notFound(() => {
    throw new Refusal(
      'not_found',
      `There is nothing here. Paths begin with ${basePath}; if it is mounted elsewhere, say so ` +
        'in the option basePath.',
    )
  })
  app.onError(answerError)

  function answerError(error: unknown): Response {
    report(error)
    return problemResponse(error)
  }

  /** Answers what none of a path's routes does. Comes before paths with parameters. */
  function allowOnly(path: string, methods: readonly Route['method'][]): void {
    const names = methods.flatMap((name) => (name === 'get' ? ['GET', 'HEAD'] : name.toUpperCase()))
    const allow = [...names, 'OPTIONS'].join(', ')
    app.options(path, () => new Response(null, { status: 204, headers: { allow } }))
    app.all(path, () => {
      throw new Refusal('method_not_allowed', `Here you can use ${allow}.`, { headers: { allow } })
    })
  }

  async function judge(request: Request, context: Context): Promise<ManagementAccess | Response> {
    const verdict = await askHost(request, context)
    if (verdict instanceof Response) return verdict
    if (verdict !== null && verdict !== undefined) return checkAccess(verdict)
    throw new Refusal('unauthorized', 'Say who you are.', {
      headers: { 'www-authenticate': 'Bearer' },
    })
  }

  async function askHost(request: Request, context: Context) {
    try {
      return await authorize(request, context)
    } catch (error) {
      logger.warn({ error }, 'authorize threw; the request is refused')
      throw new Refusal('forbidden', 'You may not do this.')
    }
  }

  function report(error: unknown): void {
    if (error instanceof Refusal) return
    const { status } = toProblem(error)
    if (status < 500) return
    const level = isWebhooksError(error) && status === 503 ? 'warn' : 'error'
    logger[level]({ error }, 'A request to the management API failed')
  }

  return async (request, context?: unknown) => {
    try {
      return withDefaults(await app.fetch(request, { context: context as Context }))
    } catch (error) {
      // Hono passes on what was thrown and is no Error.
      return withDefaults(answerError(error))
    }
  }
}

/** What every answer says, unless it says something else. */
const defaultHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}

function withDefaults(response: Response): Response {
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(defaultHeaders)) {
    if (!headers.has(name)) headers.set(name, value)
  }
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}

function routesByPath(): Map<string, Route[]> {
  const byPath = new Map<string, Route[]>()
  for (const route of routes) byPath.set(route.path, [...(byPath.get(route.path) ?? []), route])
  return byPath
}

/** The path below the mount path; a slash at its end makes no difference. */
function pathBelow(basePath: string, path: string): string {
  const below = path === basePath || path.startsWith(`${basePath}/`)
  const rest = below ? path.slice(basePath.length) : path
  return rest.endsWith('/') ? rest.slice(0, -1) || '/' : rest || '/'
}

function checkManagementOptions<Context>(options: ManagementOptions<Context>) {
  checkOptions('managementApi', options, optionNames)
  const { authorize, basePath = '/api/v1/webhooks' } = options
  const { portal = {}, logger = consoleLogger, clock = systemClock } = options
  if (typeof authorize !== 'function') {
    throw new WebhooksError(
      'invalid_option',
      'managementApi needs { authorize }: a function that tells for each request whose endpoints ' +
        'it may reach, and what it may do there',
    )
  }
  return {
    authorize,
    basePath: checkBasePath(basePath),
    portal: portal && createPortal(portal),
    logger: guardedLogger(logger),
    clock,
  }
}

const optionNames: readonly (keyof ManagementOptions)[] = [
  'authorize',
  'basePath',
  'portal',
  'logger',
  'clock',
]

function checkBasePath(path: unknown): string {
  const [root, ...parts] = typeof path === 'string' ? path.split('/') : []
  const isPart = (part: string) => /^[\w.~-]+$/.test(part) && !/^\.+$/.test(part)
  if (root !== '' || parts.length === 0 || !parts.every(isPart)) {
    throw new WebhooksError(
      'invalid_option',
      'basePath must be a path such as /api/v1/webhooks, without a slash at its end',
    )
  }
  if (isRouteOfOurs(String(path))) {
    throw new WebhooksError(
      'invalid_option',
      `basePath must not be ${path}: the API has a path of that name itself`,
    )
  }
  return String(path)
}

/** Where a framework has cut the mount path off, nobody could tell the two apart. */
function isRouteOfOurs(basePath: string): boolean {
  return ['/portal', ...routes.map(({ path }) => path)].some((path) =>
    `${path}/`.startsWith(`${basePath}/`),
  )
}
