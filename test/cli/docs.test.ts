/** docs/cli.md says what the built command line says. */
import { describe, expect, test } from 'vitest'
import { causes } from '../../src/cli/diagnosis/change.ts'
import { exitCodes } from '../../src/cli/failure.ts'
import { marksOf, namesIn, plain, readDocument, tableUnder } from '../docs/markdown.ts'
import { entriesOf, helpOf } from './help.ts'
import { run } from './support.ts'

const guide = readDocument('docs/cli.md')

/** Every command has a help of its own: said once, on top. */
const isOwn = ({ name }: { name: string }) => !/^(help|-h, --help)\b/.test(name)

test('every command stands in the table, with what its summary says', async () => {
  const commands = entriesOf(await helpOf(), 'Commands').filter(isOwn)
  const rows = tableUnder(guide, 'commands').map((row) => ({
    name: plain(row.command ?? ''),
    meaning: row['what it does'],
  }))
  expect(rows).toEqual(commands)
  const documented = marksOf(guide, 'command').map((mark) => mark.replace('command: ', ''))
  expect(documented).toEqual(commands.map(({ name }) => name.split(' ')[0]))
})

describe.each(marksOf(guide, 'command'))('%s', (mark) => {
  const command = mark.replace('command: ', '')

  test('every option stands in its table, as its help says; the help shows examples', async () => {
    const help = await helpOf(command)
    const rows = tableUnder(guide, mark).map((row) => ({
      name: plain(row[`option of \`${command}\``] ?? ''),
      meaning: row.meaning,
    }))
    expect(rows).toEqual(entriesOf(help, 'Options').filter(isOwn))
    expect(help).toMatch(/\nExamples:\n {2}\$ /)
    const examples = help.slice(help.indexOf('\nExamples:'))
    expect(optionsIn(examples, command)).toEqual([])
  })

  test('samples use only its options', async () => {
    const samples = [...guide.text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, code]) => code)
    expect(optionsIn(samples.join('\n'), command)).toEqual([])
  })

  /** Options that lines with this command use, and that its table lacks. */
  function optionsIn(text: string, of: string): string[] {
    const known = namesIn(tableUnder(guide, mark), `option of \`${of}\``).map((name) =>
      name.replace(/ .*/, ''),
    )
    const calls = text
      .replace(/\\\n/g, ' ')
      .split('\n')
      .filter((line) => line.includes(`ainexlayer-webhooks ${of}`))
    const used = calls.flatMap((line) => line.replace(/#.*/, '').match(/ --[a-z-]+/g) ?? [])
    return used
      .map((option) => option.trim())
      .filter((option) => ![...known, '--help'].includes(option))
  }
})

test('exit codes', () => {
  const rows = tableUnder(guide, 'exit codes')
  expect(rows.map((row) => [plain(row.name ?? ''), Number(plain(row['exit code'] ?? ''))])).toEqual(
    Object.entries(exitCodes),
  )
})

test('causes', () => {
  expect(namesIn(tableUnder(guide, 'causes'), 'cause')).toEqual([...causes])
})

test('a wrong call ends with 2 and leads to the help; help and version end with 0', async () => {
  for (const args of [['lost'], ['sign', '--lost'], ['recover'], []]) {
    const { code, stdout, stderr } = await run(args)
    expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' })
    expect(stderr).toContain('help')
  }
  expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/)
})
