/**
 * Storage in Postgres, on the pool that the host has already: any number of processes, and events
 * emitted inside the host's own transactions.
 */
import { randomUUID } from 'node:crypto'
import { WebhooksError } from '../../errors.ts'
import { checkOptions } from '../../option-names.ts'
import type { Storage, StorageFault } from '../storage.ts'
import { readBacklog } from './backlog.ts'
import { claimDeliveries, Recent } from './claim-deliveries.ts'
import { Database } from './database.ts'
import {
  cancelDeliveries,
  getDelivery,
  insertDeliveries,
  listAttempts,
  listDeliveries,
  releaseDeliveries,
  renewLeases,
  requeueDeliveries,
} from './deliveries.ts'
import {
  deleteEndpoint,
  getEndpoint,
  insertEndpoint,
  listAllEndpoints,
  listEndpoints,
  recordHealth,
  updateEndpoint,
} from './endpoints.ts'
import { getEvents, listEvents, listEventsWithoutDelivery } from './events.ts'
import { claimEvents, fanOut, listSubscribers, releaseEvents } from './fan-out.ts'
import { explainFault } from './faults.ts'
import { insertEvents } from './insert-events.ts'
import { migrate } from './migrate.ts'
import { nextDueAt, prune, readStats } from './operation.ts'
import type { PostgresPool, PostgresTransaction } from './pool.ts'
import { checkPooler } from './pooler.ts'
import { checkRights, checkServer, checkVersion, schemaVersion } from './probe.ts'
import { schemaNames } from './schema/names.ts'
import { settleDeliveries } from './settle-deliveries.ts'
import { textArray } from './values.ts'
import { WorkListener } from './work-listener.ts'

export { type PostgresSchemaOptions, postgresSchemaSql } from './migrate.ts'
export type {
  LoanedConnection,
  PoolConnection,
  PoolStatement,
  PostgresPool,
  PostgresTransaction,
} from './pool.ts'
export { type DrizzleTransaction, drizzleTransaction } from './transactions/drizzle.ts'
export { type KnexTransaction, knexTransaction } from './transactions/knex.ts'
export { type KyselyTransaction, kyselyTransaction } from './transactions/kysely.ts'
export { type PrismaTransaction, prismaTransaction } from './transactions/prisma.ts'
export {
  type TypeormEntityManager,
  type TypeormQueryRunner,
  typeormTransaction,
} from './transactions/typeorm.ts'

/** Options of {@link postgresStorage}. */
export interface PostgresStorageOptions {
  /**
   * A `Pool` of `pg` 8 on Postgres 13 or later. It stays yours: it is never ended here, and its
   * `error` event is yours to listen to. A statement of ours holds one connection for
   * milliseconds; a worker has four under way as a rule, and as many as `limits.inFlight` when it stops;
   * emits have up to four. Set `connectionTimeoutMillis`, or a pool
   * that is exhausted keeps everybody waiting without an error. A statement of ours that is not
   * answered in 30 s gives its connection up; a `query_timeout` of the pool goes first.
   */
  pool: PostgresPool
  /**
   * Name of the schema that holds all of our tables: up to 58 bytes in one line, without `$`. Several instances with
   * different schemas do not see each other. Default `webhooks`.
   */
  schema?: string | undefined
  /**
   * Whether processes tell each other of new work by NOTIFY, so that an event is sent within
   * milliseconds of its commit, whoever emitted it. A process with a worker keeps one connection
   * beside the pool for it. Default `true`.
   *
   * `false` behind PgBouncer in transaction mode, which cannot LISTEN and may not know the names of
   * statements that were prepared on another connection: then none are prepared either. Opening
   * finds such a pooler out, and refuses with `storage_unsupported`. `false`
   * also on servers that commit thousands of transactions with an emit each second, because those
   * that notify commit one after the other. Work of other processes is then found by polling.
   */
  listen?: boolean | undefined
  /**
   * Whether opening brings the schema up to date, which needs the right to create it. `false` only
   * checks, and refuses a schema that is missing or too old. Default `true`.
   */
  migrate?: boolean | undefined
}

/** What {@link postgresStorage} gives. */
export interface PostgresStorage extends Storage<PostgresTransaction> {
  /**
   * Brings the schema up to date, for a step of your deploy. Safe to run from several processes at
   * once, while processes of the release before are at work.
   *
   * @throws WebhooksError `storage_unreachable`, `storage_unsupported`, `storage_forbidden`,
   * `storage_read_only`, `storage_full`, `storage_failed`
   */
  migrate(): Promise<void>
  explainFault(error: unknown): StorageFault | null
  onWork(listener: () => void): () => void
}

/**
 * Storage in Postgres.
 *
 * Events can be emitted inside a transaction of yours, on your connection: pass it as
 * `transaction`. Then only the event's row and its place in the queue of the fan-out are written
 * there, and no endpoint is read or locked. An
 * idempotency key that another open transaction has just used makes the emit wait until that one
 * ends; under `REPEATABLE READ` or `SERIALIZABLE` it then fails with `could not serialize access`,
 * and the whole transaction has to be repeated, as ever under these levels.
 *
 * Emits and settlements commit as your server's `synchronous_commit` says. What lies between them,
 * the fan-out and the claims, does not wait for the disk or a standby: a server that dies then does
 * the last moment of it again.
 *
 * @example
 * const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
 * const webhooks = createWebhooks({ events, storage: postgresStorage({ pool }) })
 *
 * @throws WebhooksError `invalid_option`; when it is opened, on first use, `storage_unreachable`,
 * `storage_unsupported`, `storage_outdated`, `storage_forbidden`, `storage_read_only`; later on the
 * same ones, `storage_full` and `storage_failed`, each with the way out
 */
export function postgresStorage(options: PostgresStorageOptions): PostgresStorage {
  checkOptions('postgresStorage', options, ['pool', 'schema', 'listen', 'migrate'])
  const { pool, schema = 'webhooks', listen = true, migrate: migrates = true } = options
  if (typeof pool?.query !== 'function' || typeof pool.connect !== 'function') {
    throw new WebhooksError(
      'invalid_option',
      'postgresStorage: pool must be a Pool of pg, as in ' +
        'postgresStorage({ pool: new pg.Pool({ connectionString }) })',
    )
  }
  const names = schemaNames(schema)
  const database = new Database(pool, names, { prepare: listen })
  const ownPayload = listen ? randomUUID() : null
  // A transaction of the host commits later than this process knows: it has to be told as well.
  const foreignPayload = listen ? '' : null
  const listener = new WorkListener(pool, {
    channel: names.channel,
    ownPayload: ownPayload ?? '',
  })
  // Whose turn it was last, in this process.
  let lastFanOut = ''
  let lastDelivery = ''
  const recent = new Recent()

  async function migrateSchema(): Promise<void> {
    await checkServer(database)
    await migrate(pool, database)
  }

  return {
    migrate: migrateSchema,

    async open() {
      if (migrates) await migrateSchema()
      else await checkServer(database)
      checkVersion(database, await schemaVersion(database))
      await checkRights(database)
      if (listen) await checkPooler(pool, names)
    },
    async close() {
      listener.close()
    },

    async insertEvents({ events, transaction }) {
      if (events.length === 0) return []
      const payload = transaction === undefined ? ownPayload : foreignPayload
      // What is leased is nobody else's work.
      const isWork = events.some(({ lease }) => lease === null)
      return insertEvents(database, events, isWork ? payload : null, transaction)
    },
    async getEvents(params) {
      return params.ids.length === 0 ? [] : getEvents(database, params)
    },
    listEvents: (params) => listEvents(database, params),
    listEventsWithoutDelivery: (params) => listEventsWithoutDelivery(database, params),

    async claimEvents(params) {
      const events = await claimEvents(database, params, lastFanOut)
      lastFanOut = events.at(-1)?.tenantId ?? lastFanOut
      for (const event of events) recent.events.keep(event)
      return events
    },
    listSubscribers: (params) => listSubscribers(database, params, recent.endpoints),
    async fanOut(params) {
      if (params.results.length === 0) return { events: [], settled: [] }
      return fanOut(database, params)
    },
    async releaseEvents({ leases }) {
      if (leases.length > 0) await releaseEvents(database, leases, ownPayload)
    },

    async insertDeliveries(params) {
      return params.deliveries.length === 0 ? [] : insertDeliveries(database, params, ownPayload)
    },
    async claimDeliveries(params) {
      const claimed = await claimDeliveries(database, params, { after: lastDelivery, recent })
      lastDelivery = claimed.deliveries.at(-1)?.tenantId ?? lastDelivery
      return claimed
    },
    async renewLeases(params) {
      return params.leases.length === 0 ? [] : renewLeases(database, params)
    },
    async releaseDeliveries(params) {
      if (params.leases.length > 0) await releaseDeliveries(database, params, ownPayload)
    },
    async settleDeliveries(params) {
      return params.settlements.length === 0 ? [] : settleDeliveries(database, params)
    },
    async requeueDeliveries(params) {
      return params.ids.length === 0 ? [] : requeueDeliveries(database, params, ownPayload)
    },
    cancelDeliveries: (params) => cancelDeliveries(database, params),
    getDelivery: (params) => getDelivery(database, params),
    listDeliveries: (params) => listDeliveries(database, params),
    async listAttempts(params) {
      return params.deliveryIds.length === 0 ? [] : listAttempts(database, params)
    },
    nextDueAt: ({ exclude }) => nextDueAt(database, textArray(exclude)),

    insertEndpoint: ({ endpoint }) => insertEndpoint(database, endpoint),
    updateEndpoint: (params) => updateEndpoint(database, params),
    deleteEndpoint: (params) => deleteEndpoint(database, params),
    getEndpoint: (params) => getEndpoint(database, params),
    listEndpoints: (params) => listEndpoints(database, params),
    listAllEndpoints: (params) => listAllEndpoints(database, params),
    async recordHealth({ changes }) {
      return changes.length === 0 ? [] : recordHealth(database, changes)
    },

    stats: (params) => readStats(database, params),
    backlog: ({ now }) => readBacklog(database, now),
    prune: (params) => prune(database, params),

    explainFault,
    onWork: (onWork) => (listen ? listener.subscribe(onWork) : () => {}),
  }
}
