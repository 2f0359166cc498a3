import { expect, test } from 'vitest'
import { managementActions } from '../../src/management/index.ts'
import { refusals } from '../../src/management/problem.ts'
import { routes } from '../../src/management/routes/index.ts'
import { namesIn, plain, readDocument, tableUnder } from '../docs/markdown.ts'
import { createApi, type Document } from './support.ts'

const page = readDocument('docs/management-api.md')

test('its table of routes is that of the OpenAPI document', async () => {
  const { send } = createApi()
  const document = (await (await send('GET', '/openapi.json')).json()) as Document
  const served = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      action: operation['x-permission'] ?? 'any',
    })),
  )
  const documented = tableUnder(page, 'routes').map(({ route = '', action = '' }) => ({
    route: plain(route),
    action: plain(action),
  }))
  const byRoute = (one: { route: string }, other: { route: string }) =>
    one.route < other.route ? -1 : 1
  expect(documented.sort(byRoute)).toEqual(served.sort(byRoute))
})

test('each route names its parameters', () => {
  for (const row of tableUnder(page, 'routes')) {
    const { method, path, query } = routes.find(
      ({ method, path }) =>
        `${method.toUpperCase()} ${path.replace(/:(\w+)/g, '{$1}')}` === plain(row.route ?? ''),
    ) ?? { method: '', path: '', query: undefined }
    const names =
      query === undefined ? [] : Object.keys((query as never as { shape: object }).shape)
    const [, listed = ''] = /: ([^:]*)\.$/.exec(row['what it does'] ?? '') ?? []
    if (method === 'get' && path !== '') {
      const same = row['what it does'] === 'The same of the whole tenant.'
      if (!same) expect(listed.split(', ').map(plain).filter(Boolean).sort()).toEqual(names.sort())
    }
  }
})

test('its tables of refusals and actions are complete', () => {
  const documented = tableUnder(page, 'refusals').map(({ code = '', status }) => [
    plain(code),
    Number(status),
  ])
  expect(Object.fromEntries(documented)).toEqual(refusals)
  expect(namesIn(tableUnder(page, 'actions'), 'action')).toEqual(managementActions)
})
