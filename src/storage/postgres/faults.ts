import type { StorageFault } from '../storage.ts'

/**
 * What a fault of the server, of the connection or of the pool means, and the way out. `null` for
 * what is none of these.
 *
 * Codes are SQLSTATEs: https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
export function explainFault(error: unknown): StorageFault | null {
  return byCode(codeOf(error)) ?? byMessage(error)
}

function byCode(code: string): StorageFault | null {
  return known[code] ?? known[code.slice(0, 2)] ?? null
}

const lost: StorageFault = {
  code: 'storage_unreachable',
  wayOut: 'Check that the server runs and can be reached; work goes on by itself once it can.',
}
const refused: StorageFault = {
  code: 'storage_unreachable',
  wayOut: "Check the pool's user, password and database.",
}
const exhausted: StorageFault = {
  code: 'storage_unreachable',
  wayOut:
    'No connection was to be had: raise max of the pool or max_connections of the server, or look ' +
    'for transactions that stay open.',
}
const full: StorageFault = {
  code: 'storage_full',
  wayOut: "Make room on the server's disk. prune() keeps small what is stored.",
}
const outdated: StorageFault = {
  code: 'storage_outdated',
  wayOut:
    'The schema lacks what this release needs: check the name of the schema, and call migrate() or ' +
    'run what postgresSchemaSql() prints.',
}
const pooled: StorageFault = {
  code: 'storage_unsupported',
  wayOut: 'Behind a pooler that gives each transaction another connection, pass listen: false.',
}
const tooSlow: StorageFault = {
  code: 'storage_failed',
  wayOut:
    'A time limit of the server or the pool has passed (statement_timeout, lock_timeout): raise it ' +
    'for this pool, or look for who holds locks.',
}
const unanswered: StorageFault = {
  code: 'storage_unreachable',
  wayOut:
    'The server has not answered in time (30 s, or query_timeout of the pool): look for a ' +
    'connection that was cut without a word, or for who holds locks.',
}

/** By SQLSTATE, by its class (two characters), or by the code of an error of Node. */
const known: Record<string, StorageFault> = {
  '08': lost,
  '57P01': lost,
  '57P02': lost,
  '57P03': lost,
  '57P05': lost,
  ECONNREFUSED: lost,
  ECONNRESET: lost,
  EHOSTUNREACH: lost,
  ENETUNREACH: lost,
  ENOTFOUND: lost,
  EAI_AGAIN: lost,
  EPIPE: lost,
  ETIMEDOUT: lost,
  '28': refused,
  '3D000': refused,
  '53300': exhausted,
  '53100': full,
  '25006': {
    code: 'storage_read_only',
    wayOut:
      'The server takes no writes, such as a replica: give the storage a pool on the primary.',
  },
  '42501': {
    code: 'storage_forbidden',
    wayOut:
      'Grant the right to the user of the pool: postgresSchemaSql() prints all that it needs.',
  },
  '3F000': outdated,
  '42P01': outdated,
  '42703': outdated,
  '42883': outdated,
  '26000': pooled,
  '42P05': pooled,
  '55P03': tooSlow,
  '57014': tooSlow,
  '25P02': {
    code: 'storage_failed',
    wayOut:
      'A statement before it failed in your transaction: roll it back and do all of it again.',
  },
  '40001': {
    code: 'storage_failed',
    wayOut: 'Another transaction was first: roll yours back and do all of it again.',
  },
}

/** What `pg` says without a code. */
function byMessage(error: unknown): StorageFault | null {
  const message = error instanceof Error ? error.message : ''
  if (/timeout exceeded when trying to connect/.test(message)) return exhausted
  if (/Query read timeout/.test(message)) return unanswered
  const isLost = /connection terminated|connection error|not queryable|after calling end/i
  return isLost.test(message) ? lost : null
}

/** SQLSTATE of a server's error or the code of one of Node; empty where it has none. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && !('code' in error)) return codeOf(error.errors[0])
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return String(error.code)
}
