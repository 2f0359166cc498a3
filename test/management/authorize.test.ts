import { expect, test } from 'vitest'
import { memoryStorage, WebhooksError } from '../../src/index.ts'
import {
  type ManagementAction,
  managementActions,
  managementApi,
} from '../../src/management/index.ts'
import { routes } from '../../src/management/routes/index.ts'
import { createTestWebhooks, events } from '../support.ts'
import { createApi, everything } from './support.ts'

test('without authorize, or with a mount path that is none, nothing is served', () => {
  const { webhooks } = createTestWebhooks({ events, storage: memoryStorage() })
  const make = managementApi as (webhooks: unknown, options?: unknown) => unknown
  const authorize = () => null
  const wrong = [
    undefined,
    null,
    {},
    { authorize: undefined },
    { authorize: true },
    { authorize, basePath: '' },
    { authorize, basePath: 'api' },
    { authorize, basePath: '/api/' },
    { authorize, basePath: 'https://host.example/api' },
    { authorize, basePath: null },
    { authorize, basePath: '/a/..' },
    { authorize, basepath: '/hooks' },
    { authorize, portal: { titel: 'Hooks' } },
    { authorize, portal: true },
    { authorize, basePath: '/deliveries' },
    { authorize, basePath: '/stats' },
    { authorize, basePath: '/portal' },
  ]
  for (const options of wrong) {
    expect(() => make(webhooks, options)).toThrow(WebhooksError)
  }
})

test.each(['', '/', '/openapi.json', '/ep_1', '/nowhere', '/portal'])(
  'a caller who is not known learns nothing at %s',
  async (path) => {
    const { become, call } = createApi()
    become(null)
    const answers = [
      await call('GET', path),
      await call('DELETE', path),
      await call('POST', path, { raw: '{' }),
    ]
    for (const { status, body, headers } of answers) {
      expect(status).toBe(401)
      expect(headers.get('www-authenticate')).toBe('Bearer')
      expect(body).toEqual({
        type: 'about:blank',
        title: 'Unauthorized',
        status: 401,
        detail: 'Say who you are.',
        code: 'unauthorized',
      })
    }
  },
)

test('where authorize throws, the caller learns nothing and the operator everything', async () => {
  const error = new Error('session store at 10.0.0.1 is down')
  const throwing = () => {
    throw error
  }
  const throwingText = () => {
    throw 'session store is down'
  }
  expect((await createApi({ authorize: throwingText }).call('GET', '')).status).toBe(403)
  for (const authorize of [throwing, () => Promise.reject(error)]) {
    const { call, lines } = createApi({ authorize })
    const { status, body } = await call('GET', '')
    expect(status).toBe(403)
    expect(JSON.stringify(body)).not.toContain('session')
    expect(lines).toMatchObject([{ level: 'warn', details: { error } }])
  }
})

test.each([
  [{}],
  [true],
  ['shop'],
  [{ tenantId: 'shop' }],
  [{ actions: managementActions }],
  [{ tenantId: undefined, actions: managementActions }],
  [{ tenantId: '', actions: managementActions }],
  [{ tenantId: 'shop', actions: 'read' }],
  [{ tenantId: 'shop', actions: ['raed'] }],
])('an answer of authorize that means nothing opens no door: %j', async (verdict) => {
  const { call, lines } = createApi({ authorize: () => verdict as never })
  expect((await call('GET', '')).status).toBe(500)
  expect(lines).toMatchObject([{ level: 'error' }])
})

test('an answer of authorize that is none is an unknown caller', async () => {
  const { call } = createApi({ authorize: () => undefined })
  expect((await call('GET', '')).status).toBe(401)
})

test('a response of the host is sent as it is', async () => {
  const { become, send } = createApi()
  become(new Response('Log in', { status: 302, headers: { location: '/login' } }))
  const response = await send('GET', '')
  expect(response.status).toBe(302)
  expect(response.headers.get('location')).toBe('/login')
  expect(await response.text()).toBe('Log in')
})

test('authorize sees the request, and what the host hands over beside it', async () => {
  const { webhooks } = createTestWebhooks({ events })
  const api = managementApi(webhooks, {
    authorize: (request, user: { name: string }) =>
      request.headers.get('x-key') === 'k' && user.name === 'ann' ? everything : null,
  })
  const request = (key: string) =>
    new Request('http://host.example/api/v1/webhooks', { headers: { 'x-key': key } })
  expect((await api(request('k'), { name: 'ann' })).status).toBe(200)
  expect((await api(request('k'), { name: 'bob' })).status).toBe(401)
  expect((await api(request('x'), { name: 'ann' })).status).toBe(401)
})

/** Every route that there is, as a request that would be understood. */
const requests = routes.map(({ method, path, action }) => ({
  method: method.toUpperCase(),
  path: path.replace(':id', 'ep_1').replace(':deliveryId', 'dlv_1').replace(':name', 'order.paid'),
  action: action as ManagementAction,
}))

test.each(requests)('$method $path needs the permission "$action"', async (request) => {
  const { method, path, action } = request
  const { become, call } = createApi()
  const others = managementActions.filter((permitted) => permitted !== action)
  become({ tenantId: 'shop', actions: others })
  expect(await call(method, path)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  become({ tenantId: 'shop', actions: [action] })
  expect((await call(method, path)).status).not.toBe(403)
})

test('only who may see payloads sees what was sent and answered', async () => {
  const { become, call, create, settle, webhooks } = createApi()
  const { id } = await create()
  await webhooks.emit('order.paid', { orderId: 'private' }, { tenantId: 'shop' })
  await settle()
  const [{ id: deliveryId }] = (await call('GET', `/${id}/deliveries`)).body.items
  const path = `/${id}/deliveries/${deliveryId}`
  const all = await call('GET', path)
  expect(all.body.event.body).toContain('private')
  expect(typeof all.body.attempts[0].response.body).toBe('string')

  become({ tenantId: 'shop', actions: ['read', 'send'] })
  const less = await call('GET', path)
  expect(less.body.event.body).toBeNull()
  expect(less.body.attempts[0].response.body).toBeNull()
  expect(JSON.stringify(less.body)).not.toContain('private')
  expect((await call('POST', `/${id}/test`)).body.response.body).toBeNull()
})

test('a body that authorize took away is a mistake of the host, and named in its log', async () => {
  const { call, lines } = createApi({
    async authorize(request) {
      await request.text()
      return everything
    },
  })
  expect((await call('POST', '', { body: {} })).status).toBe(500)
  expect(lines).toMatchObject([
    { details: { error: { message: expect.stringMatching(/request\.clone/) } } },
  ])
})
