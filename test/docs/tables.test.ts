import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { ainexlayerEvents } from '../../src/ainexlayer/index.ts'
import { defaultDisablePolicy } from '../../src/core/health/endpoint-health.ts'
import { defaultRetryPolicy } from '../../src/core/health/retry-policy.ts'
import { defaultLimits } from '../../src/core/settings.ts'
import { documents, marksOf, namesIn, plain, readDocument, tableUnder } from './markdown.ts'
import { createDocsProgram, entries } from './program.ts'

const pages = documents.map(readDocument)
const program = createDocsProgram([])
const { checker } = program
const publicTypes = new Map(
  Object.keys(entries).flatMap((entry) =>
    program.exportsOf(entry).map((symbol) => [symbol.name, symbol] as const),
  ),
)

/** The symbol behind the name that an entry exports. */
function symbolOf(name: string): ts.Symbol {
  const symbol = publicTypes.get(name)
  if (symbol === undefined) throw new Error(`No entry exports ${name}`)
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

/** The options of a type, its parents' included; of those of the test double only its own. */
function optionsOf(name: string): ts.Symbol[] {
  const symbol = symbolOf(name)
  if (name === 'TestWebhooksOptions') {
    return [...(symbol.members?.values() ?? [])].filter(isProperty)
  }
  return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
}

function isProperty({ flags }: ts.Symbol): boolean {
  return (flags & ts.SymbolFlags.Property) !== 0
}

/** What the documentation comment says after "Default", or a value that it marks as the default. */
function statedDefault(option: ts.Symbol): string | null {
  const comment = ts.displayPartsToString(option.getDocumentationComment(checker))
  const [, stated, marked] = /\bDefault:? ([\s\S]*)|(`\w+`) \(default\)/.exec(comment) ?? []
  return stated ?? marked ?? null
}

/** Text without backticks, separators of thousands and line breaks. */
function comparable(text: string): string {
  return plain(text)
    .replace(/(\d)[,_](?=\d{3})/g, '$1')
    .replace(/\s+/g, ' ')
}

/** The members of a union of texts. */
function namesOfUnion(name: string): string[] {
  const type = checker.getDeclaredTypeOfSymbol(symbolOf(name))
  return (type.isUnion() ? type.types : [type]).flatMap((member) =>
    member.isStringLiteral() ? [member.value] : [],
  )
}

const tables = pages.flatMap((page) =>
  marksOf(page, 'options').map((mark) => ({
    mark,
    types: mark.replace('options: ', '').split(' '),
    rows: tableUnder(page, mark),
  })),
)

/** The table under a mark, in whichever document it stands. */
function tableOf(mark: string): ReturnType<typeof tableUnder> {
  const page = pages.find(({ text }) => text.includes(`<!-- ${mark} -->`))
  if (page === undefined) throw new Error(`No document has the table <!-- ${mark} -->`)
  return tableUnder(page, mark)
}

describe('every option stands in a table of the documents', () => {
  /** Parts of other types, which have a table; and what only we make. */
  const parts = ['EndpointInput', 'SecretInput', 'PageOptions', 'TenantOptions', 'EmitInput']
  const ours = ['WebhooksErrorOptions']

  test('each type of options has its table', () => {
    const named = [...publicTypes.keys()].filter((name) =>
      /(Options|Limits|Policy|Input)$/.test(name),
    )
    const documented = tables.flatMap(({ types }) => types)
    expect([...documented, ...parts, ...ours].sort()).toEqual([...named].sort())
  })

  describe.each(tables.map((table) => [table.types.join(', '), table] as const))(
    '%s',
    (_, { types, rows }) => {
      const options = () =>
        new Map(types.flatMap(optionsOf).map((option) => [option.name, option] as const))
      const [firstColumn = ''] = Object.keys(rows[0] ?? {})

      test('has exactly its options', () => {
        expect(namesIn(rows, firstColumn).sort()).toEqual([...options().keys()].sort())
      })

      test.each(rows.map((row) => [plain(row[firstColumn] ?? ''), row] as const))(
        '%s: required, or its default, as the types say',
        (name, { default: stated = '' }) => {
          const option = options().get(name)
          if (option === undefined) return expect.unreachable(`${name} is no option`)
          const values = types.some((type) => type in defaultValues)
          const optional = values || (option.flags & ts.SymbolFlags.Optional) !== 0
          expect(stated === 'required').toBe(!optional)
          if (!optional || values) return
          const documented = statedDefault(option)
          if (stated === '–') expect(documented ?? '').not.toMatch(/^[`\d]/)
          else expect(comparable(documented ?? '')).toContain(comparable(stated))
        },
      )
    },
  )
})

const defaultValues: Record<string, object> = {
  Limits: defaultLimits,
  RetryPolicy: defaultRetryPolicy,
  DisablePolicy: defaultDisablePolicy,
}

test.each(Object.entries(defaultValues))(
  'the defaults of %s are those in force',
  (type, values) => {
    const rows = tableOf(`options: ${type}`)
    const stated = rows.map(({ option = '', default: value = '' }) => [plain(option), value])
    const inForce = Object.entries(values).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : String(value),
    ])
    expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(inForce))
  },
)

describe('every name stands in its table', () => {
  test('error codes', () => {
    const rows = tableOf('error codes')
    expect(namesIn(rows, 'code')).toEqual(namesOfUnion('WebhooksErrorCode'))
    expect(rows.filter((row) => row['way out'] === '')).toEqual([])
  })

  test('codes of failed attempts, with an origin that exists', () => {
    const rows = tableOf('attempt errors')
    expect(namesIn(rows, 'code').sort()).toEqual(namesOfUnion('AttemptErrorCode').sort())
    const origins = namesOfUnion('FaultOrigin')
    expect(namesIn(rows, 'usual origin').filter((origin) => !origins.includes(origin))).toEqual([])
  })

  test('notifications', () => {
    const names = optionsOf('Notifications').map(({ name }) => name)
    expect(namesIn(tableOf('notifications'), 'name').sort()).toEqual(names.sort())
  })

  test('operators of filters', () => {
    const type = checker.getDeclaredTypeOfSymbol(symbolOf('FilterCondition'))
    const operators = (type.isUnion() ? type.types : []).flatMap((condition) =>
      condition.getProperties().flatMap(({ name }) => (name === 'path' ? [] : [name])),
    )
    expect(namesIn(tableOf('operators'), 'operator').sort()).toEqual(operators.sort())
  })

  test("AINexLayer's event types, as they describe themselves", () => {
    const described = ainexlayerEvents.names.map((name) => ({
      'event type': `\`${name}\``,
      meaning: `${ainexlayerEvents.schemas[name].description}`,
    }))
    expect(tableOf('catalogue')).toEqual(described)
  })
})
