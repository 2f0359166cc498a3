/** What the quickstart needs besides the library: a folder, a second process, a table. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { decodeText } from './document-facts.ts'
import type { ReceiverEndpoint, ReceiverMessage } from './quickstart-receiver.ts'

/** Something that the person at the keyboard can put right. */
export class QuickstartError extends Error {}

export interface TextFile {
  name: string
  bytes: Uint8Array
  text: string
}

const mostFiles = 50

/** Reads the texts that lie in a folder, and says of each other file why it is passed over. */
export async function readTexts(folder: string): Promise<TextFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    throw new QuickstartError(`The folder ${folder} cannot be read (${error.code}).`)
  })
  const names = entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => entry.name)
    .filter((name) => !name.startsWith('.'))
    .sort()
  if (names.length > mostFiles) console.log(`(the first ${mostFiles} of ${names.length} files)`)

  const files: TextFile[] = []
  for (const name of names.slice(0, mostFiles)) {
    const bytes = await readFile(join(folder, name)).catch((error) => String(error.code))
    const text = typeof bytes === 'string' ? null : decodeText(bytes)
    if (typeof bytes === 'string')
      console.log(`${shorten(name)}: skipped, it cannot be read (${bytes})`)
    else if (text === null) console.log(`${shorten(name)}: skipped, it is not a text in UTF-8`)
    else files.push({ name, bytes, text })
  }
  if (files.length > 0) return files
  throw new QuickstartError(`There is no text file in ${folder}. Name a folder that has one.`)
}

/** Starts the receiver, and counts what it says about signatures. */
export async function startReceiver() {
  const child = fork(new URL('./quickstart-receiver.ts', import.meta.url))
  const seen = { verified: 0, refused: 0, ids: new Set<string>() }
  child.on('message', (message: ReceiverMessage) => {
    if (message.type === 'refused') seen.refused++
    if (message.type !== 'verified') return
    seen.verified++
    seen.ids.add(message.id)
  })
  const next = async (): Promise<ReceiverMessage> => {
    const stopped = once(child, 'exit').then(([code]) => {
      throw new QuickstartError(`The receiver process ended early, with exit code ${code}.`)
    })
    const [message] = await Promise.race([once(child, 'message'), stopped])
    return message
  }
  const started = await next()
  return {
    url: started.type === 'listening' ? started.url : '',
    pid: child.pid,
    seen,
    /** Resolves once requests to the endpoint can be verified. */
    async add(endpoint: ReceiverEndpoint) {
      child.send(endpoint)
      await next()
    },
    stop: () => child.disconnect(),
  }
}

/** Lays rows out in columns as wide as their widest cell; numbers to the right. */
export function formatTable(header: string[], rows: (string | number)[][]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => String(row[column]).length)),
  )
  const rule = widths.map((width) => '-'.repeat(width))
  const lines = [header, rule, ...rows].map((cells) =>
    widths.map((width, column) => pad(cells[column] ?? '', width)).join('  '),
  )
  return lines.map((line) => line.trimEnd()).join('\n')
}

function pad(cell: string | number, width: number): string {
  return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width)
}

export function heading(title: string): void {
  console.log(`\n${styleText('bold', title)}`)
}

/** A file name that fits its column and holds nothing that a terminal would obey. */
export function shorten(name: string, length = 22): string {
  const shown = name.replace(/\p{C}/gu, '?')
  return shown.length > length ? `${shown.slice(0, length - 1)}…` : shown
}
