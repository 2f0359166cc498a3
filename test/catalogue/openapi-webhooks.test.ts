import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { ainexlayerEvents, ainexlayerExamples } from '../../src/ainexlayer/index.ts'
import { openApiWebhooks } from '../../src/catalogue/openapi-webhooks.ts'
import { defineEvents } from '../../src/index.ts'

const webhooks = openApiWebhooks(ainexlayerEvents, ainexlayerExamples)
const document = {
  openapi: '3.1.1',
  info: { title: 'Events', version: '1' },
  webhooks,
}

test('is a valid section of an OpenAPI 3.1 document', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document))
  expect(errors).toBeUndefined()
  expect(valid).toBe(true)
})

test('tells of every event type, and of the test event', () => {
  expect(Object.keys(webhooks)).toEqual([...ainexlayerEvents.names, 'webhook.test'])
})

/** The schema behind a place of a document, with its references resolved in the whole of it. */
function schemaAt(whole: object, name: string) {
  const ajv = addFormats.default(new Ajv2020({ strict: false }))
  ajv.addSchema({ $id: 'document:', ...whole })
  const key = encodeURIComponent(name)
  const place = 'post/requestBody/content/application~1json/schema'
  return ajv.compile({ $ref: `document:#/webhooks/${key}/${place}` })
}

test.each(ainexlayerEvents.names)('the example of %s fits its schema', (name) => {
  const fits = schemaAt(document, name)
  const data = ainexlayerExamples[name]
  expect(fits({ type: name, timestamp: '2026-11-23T20:15:04.120Z', data })).toBe(true)
  expect(fits({ type: 'other', timestamp: '2026-11-23T20:15:04.120Z', data })).toBe(false)
  expect(fits({ type: name, timestamp: '2026-11-23T20:15:04.120Z', data: 1 })).toBe(false)
})

test('schemas that refer to themselves still do in the document', () => {
  interface Folder {
    name: string
    folders: Folder[]
  }
  const folder: z.ZodType<Folder> = z.object({
    name: z.string(),
    folders: z.array(z.lazy(() => folder)),
  })
  const events = defineEvents({ 'folder.made': folder, 'tree.made': z.object({ root: folder }) })
  const whole = { webhooks: openApiWebhooks(events) }
  for (const [name, wrap] of [
    ['folder.made', (data: unknown) => data],
    ['tree.made', (root: unknown) => ({ root })],
  ] as const) {
    const fits = schemaAt(whole, name)
    const body = (inner: unknown) => ({
      type: name,
      timestamp: '2026-11-23T20:15:04.120Z',
      data: wrap({ name: 'a', folders: [{ name: 'b', folders: [inner] }] }),
    })
    expect(fits(body({ name: 'c', folders: [] }))).toBe(true)
    expect(fits(body({ name: 7, folders: [] }))).toBe(false)
  }
})
