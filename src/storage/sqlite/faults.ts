import type { StorageFault } from '../storage.ts'
import { primaryCode } from './database.ts'

function failed(wayOut: string): StorageFault {
  return { code: 'storage_failed', wayOut }
}

/** What a fault of SQLite means, and the way out; `null` for what is none. */
export function explainFault(error: unknown): StorageFault | null {
  if (isOutdatedRead(error)) return outdatedRead
  return known[primaryCode(error) ?? 0] ?? null
}

/** SQLITE_BUSY_SNAPSHOT: https://www.sqlite.org/rescode.html#busy_snapshot */
function isOutdatedRead(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 517
}

const outdatedRead = failed(
  'Another connection has written since your transaction began to read: roll it back and do all ' +
    'of it again, from BEGIN IMMEDIATE on.',
)

/** By primary result code: https://www.sqlite.org/rescode.html */
const known: Record<number, StorageFault> = {
  5: failed(
    'Another connection keeps it locked: end its transaction, or raise busyTimeoutMs (for a ' +
      'transaction of yours, the timeout of your connection).',
  ),
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
