import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { expect } from 'vitest'
import {
  type ManagementAccess,
  type ManagementOptions,
  managementActions,
  managementApi,
} from '../../src/management/index.ts'
import type { Logger } from '../../src/ports.ts'
import { createTestWebhooks, events } from '../support.ts'

export const base = '/api/v1/webhooks'

/** What a test sends. */
export interface Call {
  body?: unknown
  /** Sent as it is, in the place of `body`. */
  raw?: string | Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
}

export interface Answered {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it by name
  body: any
}

/** Every permission, for tenant `shop`. */
export const everything: ManagementAccess = { tenantId: 'shop', actions: managementActions }

/** An instance, its management API, and a client that holds each answer to the OpenAPI document. */
export function createApi(options: Partial<ManagementOptions> = {}) {
  const world = createTestWebhooks({ events })
  const { lines, logger } = createLog()
  let access: ManagementAccess | Response | null = everything
  const api = managementApi(world.webhooks, {
    authorize: () => access,
    logger,
    clock: { now: world.now, setTimer: () => () => {} },
    ...options,
  })

  async function send(method: string, path: string, call: Call = {}): Promise<Response> {
    const { body, raw, headers } = call
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    return api(
      new Request(`http://host.example${base}${path}`, {
        method,
        headers: {
          ...(content !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(content !== undefined && { body: content }),
      }),
    )
  }

  /** Sends, and expects what the document says about this route. */
  async function call(method: string, path: string, given?: Call): Promise<Answered> {
    const response = await send(method, path, given)
    const text = await response.text()
    const { status, headers } = response
    const body = text === '' ? undefined : JSON.parse(text)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(text).not.toMatch(/\n {4}at |node_modules/)
    const route = `${method} ${path.replace(/\?.*$/, '')} ${status}`
    contract ??= await readContract()
    expect(contract.findProblems({ method, path, status, headers, body }), route).toEqual([])
    return { status, headers, body }
  }

  return {
    ...world,
    api,
    lines,
    send,
    call,
    /** Who calls from now on. */
    become(next: ManagementAccess | Response | null) {
      access = next
    },
    /** An endpoint, by the API. */
    async create(body: object = {}) {
      const url = 'https://shop.example/hooks'
      return (await call('POST', '', { body: { url, events: ['*'], ...body } })).body
    },
  }
}

/** One for all tests of a file: to compile it takes longer than they do. */
let contract: Contract | undefined

async function readContract(): Promise<Contract> {
  const { webhooks } = createTestWebhooks({ events })
  const api = managementApi(webhooks, { authorize: () => everything })
  const response = await api(new Request(`http://host.example${base}/openapi.json`))
  return createContract((await response.json()) as Document)
}

function createLog() {
  const lines: { level: string; details: object; message: string }[] = []
  const at = (level: string) => (details: object, message: string) => {
    lines.push({ level, details, message })
  }
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  }
  return { lines, logger }
}

type Json = { [key: string]: unknown }

interface Operation {
  'x-permission'?: string
  requestBody?: { content: Json }
  responses: Record<string, { content?: Json; headers?: Json }>
}

/** As much of an OpenAPI document as tests look into. */
export interface Document {
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, Record<string, Operation>>
  components: { schemas: Json }
}

interface Contract {
  /** What of an answer the document does not say. */
  findProblems(answer: {
    method: string
    path: string
    status: number
    headers: Headers
    body: unknown
  }): string[]
}

/** Answers that any path gives, also one that is no route: problems that need no operation. */
const anywhere = [401, 403, 404, 405]

/** Holds answers to an OpenAPI document: what it does not name is a fault, fields included. */
export function createContract(document: Document): Contract {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(close(document) as object, 'api')
  const compiled = new Map<string, ValidateFunction>()

  function validatorOf(pointer: string): ValidateFunction {
    const known = compiled.get(pointer)
    if (known !== undefined) return known
    const validate = ajv.compile({ $ref: `api#${pointer}` })
    compiled.set(pointer, validate)
    return validate
  }

  function check(pointer: string, body: unknown): string[] {
    const validate = validatorOf(pointer)
    if (validate(body)) return []
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${instancePath || 'the body'} ${message} ${JSON.stringify(params)}`,
    )
  }

  return {
    findProblems({ method, path, status, headers, body }) {
      const template = templateOf(document, path)
      const verb = method === 'HEAD' ? 'get' : method.toLowerCase()
      const operation = document.paths[template ?? '']?.[verb]
      const response = operation?.responses[status]
      if (template === undefined || operation === undefined || response === undefined) {
        if (method === 'OPTIONS' && status === 204) return []
        if (method === 'HEAD' && body === undefined) return []
        if (operation !== undefined || !anywhere.includes(status))
          return [`${status} is not documented`]
        return check('/components/schemas/Problem', body)
      }
      const missing = Object.keys(response.headers ?? {}).filter((name) => !headers.has(name))
      if (method === 'HEAD') return body === undefined ? [] : ['there is a body']
      if (missing.length > 0) return missing.map((name) => `the header ${name} is missing`)
      const type = headers.get('content-type')
      if (response.content === undefined) return body === undefined ? [] : ['there is a body']
      if (type === null || !(type in response.content)) return [`${type} is not documented`]
      const parts = [
        'paths',
        template,
        verb,
        'responses',
        String(status),
        'content',
        type,
        'schema',
      ]
      return check(`/${parts.map(escapePointer).join('/')}`, body)
    },
  }
}

function templateOf({ paths }: Document, given: string): string | undefined {
  const path = given.replace(/\?.*$/, '').replace(/\/$/, '') || '/'
  const matches = Object.keys(paths).filter((template) =>
    new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
  )
  return matches.find((template) => !template.includes('{')) ?? matches[0]
}

/** For a reference: a JSON pointer (RFC 6901) within a fragment. */
function escapePointer(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
}

/** Forbids what is not named. Answers may grow, and then so does the document. */
function close(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(close)
  if (typeof value !== 'object' || value === null) return value
  const closed = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, close(part)]))
  if (closed.type === 'object' && 'properties' in closed && !('additionalProperties' in closed)) {
    closed.additionalProperties = false
  }
  return closed
}
