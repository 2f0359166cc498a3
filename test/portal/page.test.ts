/** The portal's page and files, and what keeps other sites out. */
import { expect, test } from 'vitest'
import { createApi } from '../management/support.ts'

test('the page is a shell that only loads what belongs to it, and is never stored', async () => {
  const { send } = createApi({ portal: { title: '</title><script>alert(1)</script>"' } })
  const page = await send('GET', '/portal')
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page.headers.get('cache-control')).toBe('no-store')
  const policy = page.headers.get('content-security-policy') ?? ''
  const [, nonce] = /script-src 'nonce-([^']+)'/.exec(policy) ?? []
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toContain('unsafe')
  const html = await page.text()
  expect(html).toContain('&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;')
  expect(html.match(/<script[^>]*>/g)).toEqual([expect.stringContaining(`nonce="${nonce}"`)])
  expect(html).toMatch(/<script [^>]*src="portal\/portal-\w+\.js"/)
  expect(html).not.toMatch(/https?:|\son\w+=/)
})

test('each page has a nonce of its own', async () => {
  const { send } = createApi()
  const policies = await Promise.all(
    ['/portal', '/portal'].map(async (path) =>
      (await send('GET', path)).headers.get('content-security-policy'),
    ),
  )
  expect(policies[0]).not.toBe(policies[1])
})

test.each(['/portal', '/portal/'])('the files of %s are found, and kept for ever', async (path) => {
  const { send } = createApi()
  const html = await (await send('GET', path)).text()
  const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = '']) => file)
  expect(files).toHaveLength(3)
  for (const file of files) {
    const { pathname } = new URL(file, `http://host.example${path}`)
    const answer = await send('GET', pathname)
    expect(answer.status, pathname).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  }
})

test('the session tells what the visitor may do', async () => {
  const { send, become } = createApi()
  become({ tenantId: 'shop', actions: ['read', 'send'] })
  const session = await send('GET', '/portal/session')
  expect(session.headers.get('cache-control')).toBe('no-store')
  expect(await session.json()).toEqual({ tenantId: 'shop', actions: ['read', 'send'] })
})

test('nothing of it is shown to strangers', async () => {
  const { send, become } = createApi()
  become(null)
  for (const path of ['/portal', '/portal/session']) {
    expect((await send('GET', path)).status).toBe(401)
  }
})

test.each([
  ['GET', '/portal/nothing.js', 404],
  ['POST', '/portal', 405],
  ['DELETE', '/portal/session', 405],
])('%s %s is %d', async (method, path, status) => {
  const { send } = createApi()
  expect((await send(method, path)).status).toBe(status)
})

test('a host can do without', async () => {
  const { send } = createApi({ portal: false })
  expect((await send('GET', '/portal')).status).toBe(404)
})

test.each([[''], ['x'.repeat(101)], [7 as never]])('a title %j is refused', (title) => {
  expect(() => createApi({ portal: { title } })).toThrow(/portal.title/)
})

const post = (origin: string | null, site: string | null = null) => ({
  headers: {
    ...(origin !== null && { origin }),
    ...(site !== null && { 'sec-fetch-site': site }),
  },
})

test.each([
  ['another origin', post('https://evil.example'), 403],
  ['an opaque origin', post('null'), 403],
  ['another site, as the browser says', post('http://host.example', 'cross-site'), 403],
  ['a sibling site', post(null, 'same-site'), 403],
  ['its own origin', post('https://host.example'), 200],
  ['its own origin, as the browser says', post('https://other.example', 'same-origin'), 200],
  ['no browser', post(null), 200],
])('a bodyless POST from %s', async (_whence, call, status) => {
  const { create, send } = createApi()
  const { id } = await create()
  expect((await send('POST', `/${id}/disable`, call)).status).toBe(status)
})
