import { randomUUID } from 'node:crypto'
import { WebhooksError } from '../../errors.ts'
import { asText } from './database.ts'
import { onLoan, type PostgresPool } from './pool.ts'
import type { SchemaNames } from './schema/names.ts'
import { type Line, openLine } from './work-listener.ts'

/** How long a notification may take; without a pooler it takes a round trip. */
const longestWayMs = 5_000

/**
 * Finds out a pooler that gives each transaction another connection: there, LISTEN is accepted and
 * nothing is ever heard, and prepared statements fail now and then.
 *
 * @throws WebhooksError `storage_unsupported`
 */
export async function checkPooler(pool: PostgresPool, names: SchemaNames): Promise<void> {
  if (!(await isPooled(pool)) || (await isHeard(pool, names))) return
  throw new WebhooksError(
    'storage_unsupported',
    'The pool connects through a pooler, such as PgBouncer in transaction mode, and notifications ' +
      'do not come through it. Pass listen: false to postgresStorage, or a pool that connects to ' +
      'the server itself.',
  )
}

/** A pooler tells its clients process ids of its own making. */
function isPooled(pool: PostgresPool): Promise<boolean> {
  return onLoan(pool, async (connection) => {
    if (typeof connection.processID !== 'number') return false
    const text = 'SELECT pg_backend_pid() AS pid'
    const { rows } = await connection.query({ text, values: [], types: asText })
    const [row] = rows as { pid: string }[]
    return Number(row?.pid) !== connection.processID
  })
}

/** Whether what one connection notifies is heard by another one. */
async function isHeard(pool: PostgresPool, names: SchemaNames): Promise<boolean> {
  const line = await openLine(pool)
  try {
    // A line that breaks is told of by the statements on it, and must not end the process.
    line.connection.on('error', () => {})
    const word = randomUUID()
    const heard = hear(line, word)
    await line.connection.query(`LISTEN ${names.channel}`)
    const text = `SELECT pg_notify(${names.channelLiteral}, $1)`
    await pool.query({ text, values: [word], types: asText })
    return await heard
  } finally {
    line.hangUp()
  }
}

function hear({ connection }: Line, word: string): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, longestWayMs, false)
    connection.on('notification', ({ payload }) => {
      if (payload !== word) return
      clearTimeout(timer)
      resolve(true)
    })
  })
}
