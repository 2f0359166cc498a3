/**
 * Storage in one SQLite file, on the `node:sqlite` that comes with Node: no service to run and no
 * package to install.
 */
import type { DatabaseSync } from 'node:sqlite'
import { WebhooksError } from '../../errors.ts'
import { checkOptions } from '../../option-names.ts'
import type { Storage } from '../storage.ts'
import { readBacklog } from './backlog.ts'
import { claimDeliveries } from './claim.ts'
import type { Database, Durability, Statements } from './database.ts'
import {
  cancelDeliveries,
  getDelivery,
  insertDeliveries,
  listAttempts,
  listDeliveries,
  requeueDeliveries,
} from './deliveries.ts'
import { EndpointCache } from './endpoint-cache.ts'
import {
  deleteEndpoint,
  getEndpoint,
  insertEndpoint,
  listAllEndpoints,
  listEndpoints,
  recordHealth,
  updateEndpoint,
} from './endpoints.ts'
import { EventCache } from './event-cache.ts'
import { getEvents, insertEvents, listEvents, listEventsWithoutDelivery } from './events.ts'
import { claimEvents, fanOut, listSubscribers, releaseEvents } from './fan-out.ts'
import { explainFault } from './faults.ts'
import { releaseDeliveries, renewLeases } from './leases.ts'
import { nextDueAt } from './next-due.ts'
import { type OpenOptions, openDatabase } from './open.ts'
import { prune } from './prune.ts'
import { settleDeliveries } from './settle.ts'
import { readStats } from './stats.ts'
import { asOneWrite, type JoinedConnections, joinTransaction, mainFile } from './transaction.ts'

/** Options of {@link sqliteStorage}. */
export interface SqliteStorageOptions {
  /**
   * The file, relative to the working directory; created where there is none, in a folder that
   * must exist. It may be a database of your own: every table of ours begins with `webhooks_`, and
   * the file is switched to write-ahead logging, which adds `-wal` and `-shm` files beside it.
   * Not on a network file system, where SQLite's locks do not hold. `:memory:` keeps all in this
   * process, and nothing after it.
   */
  path: string
  /**
   * What an event that `emit` resolved for survives. Default `full`: also a power failure, at the
   * cost of one fsync for all events that are written together. `normal`: the death of the process
   * at any instant, but a power failure or a crash of the operating system may take what the last
   * seconds wrote. The same holds for changes to endpoints, retries and cancellations. What the
   * engine notes for itself (leases, attempts, outcomes) is always written as under `normal`: a
   * power failure may take the last of it, and then those deliveries are sent once more.
   *
   * An event emitted in a transaction of yours is as durable as your connection makes it.
   */
  synchronous?: Durability | undefined
  /**
   * How long a call waits, in milliseconds, while another connection writes, before it fails with
   * SQLite's `database is locked`. Default 5,000. Waiting does not block the event loop.
   */
  busyTimeoutMs?: number | undefined
}

/**
 * Storage in one SQLite file. Several processes on one machine may share the file.
 *
 * Events can be emitted inside a transaction of yours: begin it on a `DatabaseSync` of your own on
 * the same file, and pass that as `transaction`. Nobody else can write to the file until you
 * commit, so commit soon. An `emit` that fails leaves the transaction open and as it was, unless
 * SQLite itself ended it (full disk, I/O error). Begin with BEGIN IMMEDIATE: after a plain BEGIN,
 * `emit` may be the first to write, and then it fails while another connection writes.
 *
 * Node before 24 prints an `ExperimentalWarning` for `node:sqlite`.
 *
 * @example
 * const webhooks = createWebhooks({ events, storage: sqliteStorage({ path: 'webhooks.db' }) })
 *
 * @throws WebhooksError `invalid_option`; when it is opened, on first use, and later on,
 * `storage_failed`, `storage_read_only`, `storage_full`, each with the way out
 */
export function sqliteStorage(options: SqliteStorageOptions): Storage<DatabaseSync> {
  const {
    path,
    synchronous = 'full',
    busyTimeoutMs = 5_000,
  } = checkOptions('sqliteStorage', options, ['path', 'synchronous', 'busyTimeoutMs'])
  if (typeof path !== 'string' || path === '') {
    throw invalid('path must name a file, or be ":memory:"')
  }
  if (synchronous !== 'full' && synchronous !== 'normal') {
    throw invalid('synchronous must be "full" or "normal"')
  }
  if (!Number.isSafeInteger(busyTimeoutMs) || busyTimeoutMs < 0) {
    throw invalid('busyTimeoutMs must be a whole number of milliseconds, 0 or more')
  }
  return createStorage({ path, synchronous, busyTimeoutMs })
}

function invalid(message: string): WebhooksError {
  return new WebhooksError('invalid_option', `sqliteStorage: ${message}`)
}

function createStorage(options: OpenOptions & { synchronous: Durability }): Storage<DatabaseSync> {
  let opened: Database | null = null
  let file = ''
  let joined: JoinedConnections = new WeakMap()
  const events = new EventCache()
  const endpoints = new EndpointCache()

  function database(): Database {
    if (opened !== null) return opened
    throw new WebhooksError(
      'storage_closed',
      'The SQLite storage is not open: call open() first. An instance closes its storage when it ' +
        'stops: give each instance a storage of its own.',
    )
  }

  type Work<Params, Result> = (statements: Statements, params: Params) => Result
  type Method<Params, Result> = (params: Params) => Promise<Result>

  function reads<Params, Result>(work: Work<Params, Result>): Method<Params, Result> {
    return async (params) => database().read((statements) => work(statements, params))
  }

  /** What the engine notes for itself: losing the last of it repeats work, and loses none. */
  function notes<Params, Result>(work: Work<Params, Result>): Method<Params, Result> {
    return async (params) => database().write((statements) => work(statements, params))
  }

  /** What somebody was told is done. */
  function promises<Params, Result>(work: Work<Params, Result>): Method<Params, Result> {
    return async (params) =>
      database().write((statements) => work(statements, params), options.synchronous)
  }

  return {
    async open() {
      opened = await openDatabase(options)
      file = mainFile(opened.statements)
      joined = new WeakMap()
    },
    async close() {
      opened?.close()
      opened = null
    },

    async insertEvents({ events, transaction }) {
      const own = database()
      if (events.length === 0) return []
      if (transaction === undefined) {
        return own.write((statements) => insertEvents(statements, events), options.synchronous)
      }
      const statements = joinTransaction(transaction, file, joined)
      return asOneWrite(statements, () => insertEvents(statements, events))
    },
    getEvents: reads(getEvents),
    listEvents: reads(listEvents),
    listEventsWithoutDelivery: async (params) => listEventsWithoutDelivery(database(), params),

    claimEvents: notes((statements, params) => claimEvents(statements, params, events)),
    listSubscribers: reads((statements, params) => listSubscribers(statements, params, endpoints)),
    fanOut: notes(fanOut),
    releaseEvents: notes(releaseEvents),

    insertDeliveries: promises(insertDeliveries),
    claimDeliveries: notes((statements, params) =>
      claimDeliveries(statements, params, { events, endpoints }),
    ),
    renewLeases: notes(renewLeases),
    releaseDeliveries: notes(releaseDeliveries),
    settleDeliveries: notes(settleDeliveries),
    requeueDeliveries: promises(requeueDeliveries),
    cancelDeliveries: promises(cancelDeliveries),
    getDelivery: reads(getDelivery),
    listDeliveries: reads(listDeliveries),
    listAttempts: reads(listAttempts),
    nextDueAt: reads(nextDueAt),

    insertEndpoint: promises(insertEndpoint),
    updateEndpoint: promises(updateEndpoint),
    deleteEndpoint: promises(deleteEndpoint),
    getEndpoint: reads(getEndpoint),
    listEndpoints: reads(listEndpoints),
    listAllEndpoints: reads(listAllEndpoints),
    recordHealth: notes(recordHealth),

    stats: async (params) => readStats(database(), params),
    backlog: reads(readBacklog),
    prune: notes(prune),

    explainFault,
  }
}
