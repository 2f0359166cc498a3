import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { ainexlayerEvents, ainexlayerExamples } from '../../src/ainexlayer/index.ts'
import { defineEvents } from '../../src/index.ts'
import { managementActions, managementApi } from '../../src/management/index.ts'
import { routes } from '../../src/management/routes/index.ts'
import { createTestWebhooks } from '../support.ts'
import { base, createApi, createContract, type Document, everything } from './support.ts'

async function readDocument(): Promise<Document> {
  const { webhooks } = createTestWebhooks({ events: ainexlayerEvents })
  const api = managementApi(webhooks, { authorize: () => everything })
  const response = await api(new Request(`http://host.example${base}/openapi.json`))
  return (await response.json()) as Document
}

test('a public validator finds the document valid', async () => {
  const result = await new Validator().validate({ ...(await readDocument()) })
  expect(result).toEqual({ valid: true })
})

test('every reference leads somewhere', async () => {
  const document = await readDocument()
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
    ([, ref = '']) => ref,
  )
  const { schemas } = document.components
  expect(refs.length).toBeGreaterThan(20)
  expect(refs.filter((ref) => !(ref.replace('#/components/schemas/', '') in schemas))).toEqual([])
})

test('every route stands in it, with what it needs and a name of its own', async () => {
  const { paths } = await readDocument()
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations as object).map((method) => `${method} ${path}`),
  )
  const served = routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
  expect(documented.sort()).toEqual(['get /openapi.json', ...served].sort())
  expect(new Set(routes.map(({ operationId }) => operationId)).size).toBe(routes.length)
  expect(
    routes.filter(({ action }) => action === null || !managementActions.includes(action)),
  ).toEqual([])
})

test('every event type is a webhook, and what is sent fits it', async () => {
  const document = await readDocument()
  expect(Object.keys(document.webhooks)).toEqual([...ainexlayerEvents.names, 'webhook.test'])
  // A request that receivers get, in the place of an answer.
  const paths = Object.fromEntries(
    Object.entries(document.webhooks).map(([name, { post }]) => [
      `/${name}`,
      { post: { responses: { 200: post?.requestBody ?? {} } } },
    ]),
  )
  const contract = createContract({ ...document, paths })
  for (const name of ainexlayerEvents.names) {
    const data = ainexlayerEvents.parse(name, ainexlayerExamples[name])
    const body = { type: name, timestamp: new Date().toISOString(), data }
    const headers = new Headers({ 'content-type': 'application/json' })
    const answer = { method: 'POST', path: `/${name}`, status: 200, headers }
    expect(contract.findProblems({ ...answer, body }), name).toEqual([])
    const wrong = { ...body, type: 'another' }
    expect(contract.findProblems({ ...answer, body: wrong }), name).not.toEqual([])
  }
})

test('an answer that the document does not know is found out', async () => {
  const { call } = createApi()
  const contract = createContract(await readDocument())
  const answer = {
    method: 'GET',
    path: '/stats',
    headers: new Headers({ 'content-type': 'application/json' }),
  }
  const { body } = await call('GET', '/stats')
  expect(contract.findProblems({ ...answer, status: 200, body })).toEqual([])
  expect(contract.findProblems({ ...answer, status: 200, body: { ...body, more: 1 } })).not.toEqual(
    [],
  )
  expect(
    contract.findProblems({ ...answer, status: 200, body: { ...body, backlog: '1' } }),
  ).not.toEqual([])
  expect(contract.findProblems({ ...answer, status: 202, body })).not.toEqual([])
})

test('a path with the mount path and one without it lead to the same', async () => {
  const { webhooks } = createTestWebhooks({ events: ainexlayerEvents })
  const api = managementApi(webhooks, { authorize: () => everything, basePath: '/hooks' })
  const status = async (path: string) =>
    (await api(new Request(`http://host.example${path}`))).status
  for (const path of ['/hooks', '/hooks/', '/', '/hooks/stats', '/stats', '/hooks/stats/']) {
    expect(await status(path), path).toBe(200)
  }
  for (const path of ['/hooksstats', '/api/v1/webhooks/stats', '/hooks/hooks/stats']) {
    expect(await status(path), path).toBe(404)
  }
  const document = await (await api(new Request('http://host.example/hooks/openapi.json'))).json()
  expect(document).toMatchObject({ servers: [{ url: '/hooks' }] })
})

test('event types whose schemas have named and recursive parts make a valid document', async () => {
  const person = z.object({ name: z.string() }).meta({ id: 'a person (test)' })
  const tree = z.object({
    owner: person,
    get children() {
      return z.array(tree)
    },
  })
  const { webhooks } = createTestWebhooks({
    events: defineEvents({
      'tree.grown': tree,
      'tree.sold': z.object({ from: person, to: person }),
    }),
  })
  const api = managementApi(webhooks, { authorize: () => everything })
  const response = await api(new Request(`http://host.example${base}/openapi.json`))
  const document = (await response.json()) as Document
  expect(await new Validator().validate({ ...document })).toEqual({ valid: true })
  const { schemas } = document.components
  const text = JSON.stringify(document)
  for (const [, ref = ''] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
    expect(schemas).toHaveProperty([ref])
  }
  expect(text).not.toMatch(/"\$ref":"#(\/\$defs|")/)
})
