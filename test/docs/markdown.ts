/** Reads the parts of the documents that tests hold to the code. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The repository's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** The documents whose samples, links and names are held to the code. */
export const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'SECURITY.md',
  ...readdirSync(`${root}docs`).map((name) => `docs/${name}`),
]

/** A document of the repository, by its path in it. */
export interface Document {
  file: string
  text: string
}

export function readDocument(file: string): Document {
  return { file, text: readFileSync(`${root}${file}`, 'utf8') }
}

/** A fenced block: its info string (`ts run`), its text, and the line on which that text begins. */
interface Block {
  info: string
  code: string
  line: number
}

/**
 * A program of a document. `ts` begins one, `ts more` goes on with the one before, so that a
 * program can be explained piece by piece.
 */
export interface Sample {
  /** Such as `README.md:12`. */
  name: string
  file: string
  /** The whole program; blank lines keep every piece on its line of the document. */
  code: string
  /** Whether it is executed as well: marked `ts run`. */
  runs: boolean
  /** What it must print: a block marked `text output` after it. `null` where none is shown. */
  output: string | null
}

const fence = /^```(.*)\n([\s\S]*?)^```$/gm

function blocksOf({ text }: Document): Block[] {
  return [...text.matchAll(fence)].map(({ index, 1: info = '', 2: code = '' }) => ({
    info: info.trim(),
    code,
    line: text.slice(0, index).split('\n').length + 1,
  }))
}

/** The info strings in use; any other `ts` fence is a slip of the pen. */
const sampleForms = new Set(['ts', 'ts run', 'ts more'])

/** The TypeScript programs of a document, in order. */
export function samplesOf(document: Document): Sample[] {
  const samples: Sample[] = []
  for (const block of blocksOf(document)) {
    const current = samples.at(-1)
    if (block.info === 'text output' && current !== undefined) current.output = block.code
    if (!block.info.startsWith('ts')) continue
    if (!sampleForms.has(block.info)) {
      throw new Error(`${document.file}:${block.line}: unknown form of sample "${block.info}"`)
    }
    if (block.info === 'ts more' && current !== undefined) append(current, block)
    else samples.push(begin(document, block))
  }
  return samples
}

function begin({ file }: Document, { info, code, line }: Block): Sample {
  return {
    name: `${file}:${line}`,
    file,
    code: '\n'.repeat(line - 1) + code,
    runs: info === 'ts run',
    output: null,
  }
}

function append(sample: Sample, { code, line }: Block): void {
  const linesSoFar = sample.code.split('\n').length
  sample.code += '\n'.repeat(line - linesSoFar) + code
}

/** A table: each row by the titles of its columns. */
export type Table = Record<string, string>[]

/** The table that stands under `<!-- mark -->`. */
export function tableUnder({ file, text }: Document, mark: string): Table {
  const start = text.indexOf(`<!-- ${mark} -->`)
  if (start < 0) throw new Error(`${file} has no <!-- ${mark} -->`)
  const lines = text.slice(start).split('\n').slice(1)
  const first = lines.findIndex((line) => line.startsWith('|'))
  const rest = lines.slice(first)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  const [titles = [], , ...rows] = rest.slice(0, end < 0 ? undefined : end).map(cellsOf)
  return rows.map((cells) =>
    Object.fromEntries(titles.map((title, column) => [title, cells[column] ?? ''])),
  )
}

/** A bar inside a cell is written `\|`. */
function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'))
}

/** All marks of a document that begin with a word: `options`. */
export function marksOf({ text }: Document, word: string): string[] {
  return [...text.matchAll(/^<!-- (.+) -->$/gm)]
    .map(({ 1: mark = '' }) => mark)
    .filter((mark) => mark.startsWith(`${word}: `))
}

/** The text of a cell without its backticks. */
export function plain(cell: string): string {
  return cell.replaceAll('`', '')
}

/** The names in a column, without backticks. */
export function namesIn(table: Table, title: string): string[] {
  return table.map((row) => plain(row[title] ?? ''))
}
