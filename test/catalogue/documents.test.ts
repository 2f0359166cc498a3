import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { ainexlayerEvents, ainexlayerExamples } from '../../src/ainexlayer/index.ts'
import { asyncApiDocument } from '../../src/catalogue/asyncapi-document.ts'
import { jsonSchemaDocument } from '../../src/catalogue/json-schema-document.ts'
import { catalogueTypeScript } from '../../src/catalogue/typescript.ts'
import { defineEvents } from '../../src/index.ts'

const info = { title: 'Events', version: '1.0.0' }
const timestamp = '2026-11-23T20:15:04.120Z'

test('AsyncAPI: valid by the schema that the project publishes', () => {
  const published = import.meta.resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json')
  const schema = JSON.parse(readFileSync(new URL(published), 'utf8'))
  const ajv = addFormats.default(new Ajv({ strict: false, logger: false }))
  const document = asyncApiDocument(ainexlayerEvents, info, ainexlayerExamples)
  const fits = ajv.compile(schema)
  expect(fits(document) ? null : fits.errors?.slice(0, 3)).toBeNull()
})

test('JSON Schema: every example fits as a whole body, and a wrong one does not', () => {
  const ajv = addFormats.default(new Ajv2020({ strict: false }))
  const fits = ajv.compile(jsonSchemaDocument(ainexlayerEvents, 'Events'))
  for (const type of ainexlayerEvents.names) {
    expect([type, fits({ type, timestamp, data: ainexlayerExamples[type] })]).toEqual([type, true])
    expect(fits({ type, timestamp, data: {} })).toBe(false)
  }
  expect(fits({ type: 'document.lost', timestamp, data: {} })).toBe(false)
})

describe('TypeScript', () => {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
    types: [],
  }

  /** What the compiler says about the types, followed by each of several uses of them. */
  function problemsOf(types: string, ...uses: string[]): string[][] {
    const texts = new Map(uses.map((use, index) => [`/use-${index}.ts`, `${types}\n${use}`]))
    const host = ts.createCompilerHost(options)
    const { getSourceFile } = host
    host.getSourceFile = (file, language) => {
      const text = texts.get(file)
      return text === undefined
        ? getSourceFile(file, language)
        : ts.createSourceFile(file, text, language)
    }
    const program = ts.createProgram([...texts.keys()], options, host)
    return [...texts.keys()].map((file) =>
      [
        ...program.getSyntacticDiagnostics(program.getSourceFile(file)),
        ...program.getSemanticDiagnostics(program.getSourceFile(file)),
      ].map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ')),
    )
  }

  test('every example of AINexLayer has the type that is written for it', () => {
    const types = catalogueTypeScript(ainexlayerEvents, 'Events')
    const use = `export const examples: WebhookEvents = ${JSON.stringify(ainexlayerExamples)}`
    const wrong = `${use}\nexamples['document.processed'].document.id = 7`
    expect(problemsOf(types, use, wrong)).toEqual([
      [],
      ["Type 'number' is not assignable to type 'string'."],
    ])
  })

  test('says what zod says: unions, tuples, records, literals, and schemas that refer to themselves', () => {
    interface Folder {
      name: string
      folders: Folder[]
    }
    const folder: z.ZodType<Folder> = z.object({
      name: z.string(),
      folders: z.array(z.lazy(() => folder)),
    })
    const events = defineEvents({
      'a.made': z.object({
        'odd-key': z.union([z.literal('x'), z.literal(1), z.null()]),
        pair: z.tuple([z.string(), z.number()]),
        byName: z.record(z.string(), z.number()),
        maybe: z.string().optional(),
        root: folder,
        anything: z.unknown(),
      }),
      a_made: folder.describe('Ends a comment: */ export const x = 1'),
    })
    const types = catalogueTypeScript(events, 'Events')
    const use = `
const value: WebhookEvents['a.made'] = {
  'odd-key': 1, pair: ['a', 1], byName: { a: 1 }, anything: null,
  root: { name: 'a', folders: [{ name: 'b', folders: [] }] },
}
value['odd-key'] = 'x'
const tree: WebhookEvents['a_made'] = value.root
const body: WebhookBody = { type: 'a_made', timestamp: '', data: tree }
export { body }`
    const wrong = `${use}\nvalue['odd-key'] = 2\nvalue.root.folders[0]!.name = 1`
    const [problems, found] = problemsOf(types, use, wrong)
    expect(problems).toEqual([])
    expect(found).toHaveLength(2)
  })
})
