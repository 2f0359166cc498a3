import { DatabaseSync } from 'node:sqlite'
import { WebhooksError } from '../../errors.ts'
import { Statements } from './database.ts'
import { schemaVersion } from './open.ts'
import { migrations } from './schema.ts'

/** Connections of the caller that were found fit, with the statements prepared on them. */
export type JoinedConnections = WeakMap<DatabaseSync, Statements>

/**
 * Statements that run inside the caller's open transaction.
 *
 * @param ownFile - The file that this storage works on, as SQLite names it.
 * @throws WebhooksError `transaction_unsupported`
 */
export function joinTransaction(
  connection: unknown,
  ownFile: string,
  joined: JoinedConnections,
): Statements {
  if (!(connection instanceof DatabaseSync)) {
    throw unsupported('pass the DatabaseSync of node:sqlite on which you began the transaction')
  }
  if (!isOpen(connection)) throw unsupported('it is closed')
  if (!isInTransaction(connection)) {
    throw unsupported('no transaction is open on it: run BEGIN IMMEDIATE on it before emit')
  }
  const known = joined.get(connection)
  if (known !== undefined && isUsable(known)) return known
  const statements = new Statements(connection)
  const file = mainFile(statements)
  if (file !== ownFile || file === '') {
    throw unsupported(
      `it is connected to ${name(file)}, and this storage to ${name(ownFile)}: ` +
        'both must be connections to the same file',
    )
  }
  if (schemaVersion(statements) !== migrations.length) {
    throw unsupported('its schema is not the one that this storage opened: open the storage first')
  }
  joined.set(connection, statements)
  return statements
}

/**
 * Runs `work` inside the caller's transaction: all of its writes happen, or none, and the
 * transaction goes on either way.
 */
export function asOneWrite<Result>(statements: Statements, work: () => Result): Result {
  statements.run('SAVEPOINT webhooks_emit')
  try {
    const result = work()
    statements.run('RELEASE webhooks_emit')
    return result
  } catch (error) {
    undo(statements)
    throw error
  }
}

/** After some faults, such as a full disk, SQLite has ended the whole transaction by itself. */
function undo(statements: Statements): void {
  try {
    statements.run('ROLLBACK TO webhooks_emit')
    statements.run('RELEASE webhooks_emit')
  } catch {
    // The fault that led here is the one to report.
  }
}

/** The file of a connection, by its full path; empty for a database in memory. */
export function mainFile(statements: Statements): string {
  const sql = "SELECT file FROM pragma_database_list WHERE name = 'main'"
  return statements.get<{ file: string | null }>(sql)?.file ?? ''
}

/** Node before 22.15 has no `isOpen`. */
function isOpen(connection: DatabaseSync): boolean {
  try {
    connection.exec('')
    return true
  } catch {
    return false
  }
}

/** Statements end with their connection, also where that is opened again. */
function isUsable(statements: Statements): boolean {
  try {
    mainFile(statements)
    return true
  } catch {
    return false
  }
}

/** Node before 22.16 has no `isTransaction`: there, only a nested BEGIN tells. */
function isInTransaction(connection: DatabaseSync & { isTransaction?: boolean }): boolean {
  if (connection.isTransaction !== undefined) return connection.isTransaction
  try {
    connection.exec('BEGIN')
  } catch {
    return true
  }
  connection.exec('ROLLBACK')
  return false
}

function name(file: string): string {
  return file === '' ? 'a database in memory' : file
}

function unsupported(reason: string): WebhooksError {
  return new WebhooksError(
    'transaction_unsupported',
    `The transaction given cannot carry an event: ${reason}.`,
  )
}
