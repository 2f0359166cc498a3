import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What a process did, one JSON line each. A line that was written is in the kernel's hands: no
 * SIGKILL takes it back. (Only a power failure could, and that is not what is tested here.)
 */
export class Journal<Entry extends object> {
  readonly #file: number

  constructor(folder: string, process: string) {
    this.#file = openSync(pathOf(folder, process), 'a')
  }

  write(entry: Entry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** Everything a process wrote; nothing, if it died before its first line. */
export function readJournal<Entry extends object>(folder: string, process: string): Entry[] {
  const path = pathOf(folder, process)
  if (!existsSync(path)) return []
  // What follows the last line break is empty, or a line that a kill cut short.
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Entry)
}

function pathOf(folder: string, process: string): string {
  return join(folder, `${process}.jsonl`)
}

/** How an emit is made. `rollback` means to roll its transaction back. */
export type EmitMode = 'plain' | 'keyed' | 'commit' | 'rollback'

/** What an emitter writes: each intent before the call, each outcome after it. */
export type EmitterEntry =
  | { intent: string; mode: EmitMode }
  | { committed: string; eventId: string }
  | { rolledBack: string }
  | { refused: string; reason: string }

/** What a worker writes: each request before it goes out, and each settlement that was accepted. */
export type WorkerEntry = { sending: Pair } | { settled: Pair[] } | { complaint: string }

/** An event and the URL it is owed to. */
export interface Pair {
  eventId: string
  url: string
}

/** What the receiver writes, before it answers. */
export interface Receipt {
  /** Its place in the order of arrival; sent back as the header `x-receipt`. */
  number: number
  at: number
  url: string
  eventId: string
  /** SHA-256 of the body as it came. */
  bodyHash: string
  /** The process that sent it, as its `user-agent` says. */
  sender: string
  /** Whether `standardwebhooks` accepted the signature. */
  verified: boolean
  /** The status answered; 0 where no answer is given. */
  status: number
}
