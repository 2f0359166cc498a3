import type { StorageFault } from '../storage.ts'
import { primaryCode } from './database.ts'

/** What a fault of SQLite means, and the way out; `null` for what is none. */
export function explainFault(error: unknown): StorageFault | null {
  return known[primaryCode(error) ?? 0] ?? null
}

/** By primary result code: https://www.sqlite.org/rescode.html */
const known: Record<number, StorageFault> = {
  5: failed('Another process keeps it locked: end its transaction, or raise busyTimeoutMs.'),
  8: {
    code: 'storage_read_only',
    wayOut: 'The file or its folder is read-only: give this process the right to write there.',
  },
  10: failed('Reading or writing it failed: look at the disk and its mount.'),
  11: failed('The file is damaged: restore it from a backup, or recover it with the sqlite3 tool.'),
  13: { code: 'storage_full', wayOut: 'The disk is full: make room on it.' },
  14: failed(
    'Check that its folder exists, that this process may write there, and that it is a file.',
  ),
  26: failed('The file is not an SQLite database: name another path.'),
}

function failed(wayOut: string): StorageFault {
  return { code: 'storage_failed', wayOut }
}
