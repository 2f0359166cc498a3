import { createHash } from 'node:crypto'
import type { Attempt } from '../../src/model.ts'
import type { DeliveryRecord, EventRecord, ListParams, Storage } from '../../src/storage/storage.ts'
import { readLane } from './emitter.ts'
import {
  type EmitMode,
  type EmitterEntry,
  type Pair,
  type Receipt,
  readJournal,
  type WorkerEntry,
} from './journal.ts'
import type { CrashConnection } from './stores/store.ts'

/** Everything that is known after a run, from each of the parties. */
export interface Evidence {
  /** What the emitters wrote down: each key with what became of it. */
  intents: Map<string, Intent>
  /** Keys that stand in the host's own table. */
  hostKeys: Set<string>
  /** URLs of all endpoints; each was subscribed to everything. */
  urls: string[]
  /** What the storage holds. */
  events: StoredEvent[]
  deliveries: DeliveryRecord[]
  attempts: Attempt[]
  /** What the receiver got. */
  receipts: Receipt[]
  /** What each killed worker was sending at its death. */
  inFlightAtKills: Map<string, Pair[]>
  /** When the database's server was killed. */
  serverCrashes: readonly number[]
  /** What workers complained about in their logs. */
  complaints: string[]
}

/** An intent, and what the emitter learned of its outcome: `unknown` if it died before. */
export interface Intent {
  mode: EmitMode
  outcome: 'committed' | 'rolledBack' | 'refused' | 'unknown'
  eventId: string | null
}

export interface StoredEvent {
  id: string
  key: string
  bodyHash: string
}

/** Which processes took part, and where they left what they wrote. */
export interface Parties {
  folder: string
  urls: string[]
  emitters: string[]
  workers: string[]
  killed: ReadonlySet<string>
  /** When the database's server was killed, if it was. */
  serverCrashes?: readonly number[]
}

export async function collectEvidence(
  parties: Parties,
  connection: CrashConnection,
  storage: Storage<unknown>,
): Promise<Evidence> {
  const { folder, urls, killed, serverCrashes = [] } = parties
  const events = await readAll((page) => storage.listEvents({ tenantId, ...page }))
  const deliveries = await readAll((page) => storage.listDeliveries({ tenantId, ...page }))
  const journals = parties.workers.map(
    (name) => [name, readJournal<WorkerEntry>(folder, name)] as const,
  )
  return {
    intents: readIntents(readLane(folder, parties.emitters)),
    hostKeys: await connection.hostKeys(),
    urls,
    events: events.map(toStoredEvent),
    deliveries,
    attempts: await readAttempts(storage, deliveries),
    receipts: readJournal<Receipt>(folder, 'receiver').filter(({ url }) => urls.includes(url)),
    inFlightAtKills: new Map(
      journals.filter(([name]) => killed.has(name)).map(([name, read]) => [name, inFlight(read)]),
    ),
    serverCrashes,
    complaints: journals.flatMap(([, read]) =>
      read.flatMap((entry) => ('complaint' in entry ? [entry.complaint] : [])),
    ),
  }
}

const tenantId = 'default'
const pageSize = 500

async function readAll<Item extends { id: string }>(
  read: (page: ListParams) => Promise<{ items: Item[] }>,
): Promise<Item[]> {
  const all: Item[] = []
  for (;;) {
    const before = all.at(-1)?.id ?? null
    const { items } = await read({ offset: 0, before, limit: pageSize, withTotal: false })
    all.push(...items)
    if (items.length < pageSize) return all
  }
}

async function readAttempts(
  storage: Storage<unknown>,
  deliveries: DeliveryRecord[],
): Promise<Attempt[]> {
  const attempts: Attempt[] = []
  for (let index = 0; index < deliveries.length; index += pageSize) {
    const deliveryIds = deliveries.slice(index, index + pageSize).map(({ id }) => id)
    attempts.push(...(await storage.listAttempts({ tenantId, deliveryIds })))
  }
  return attempts
}

function readIntents(entries: EmitterEntry[]): Map<string, Intent> {
  const intents = new Map<string, Intent>()
  for (const entry of entries) {
    if ('intent' in entry) {
      // Repeated after a crash: what is known of the first try is nothing.
      intents.set(entry.intent, { mode: entry.mode, outcome: 'unknown', eventId: null })
    } else if ('committed' in entry) {
      learn(intents, entry.committed, { outcome: 'committed', eventId: entry.eventId })
    } else if ('rolledBack' in entry) {
      learn(intents, entry.rolledBack, { outcome: 'rolledBack', eventId: null })
    } else {
      learn(intents, entry.refused, { outcome: 'refused', eventId: null })
    }
  }
  return intents
}

function learn(intents: Map<string, Intent>, key: string, what: Omit<Intent, 'mode'>): void {
  const intent = intents.get(key)
  if (intent !== undefined) intents.set(key, { ...intent, ...what })
}

function toStoredEvent({ id, body }: EventRecord): StoredEvent {
  const { data } = JSON.parse(body) as { data: { key: string } }
  return { id, key: data.key, bodyHash: createHash('sha256').update(body).digest('hex') }
}

/** What a worker had begun to send and not yet settled. */
function inFlight(entries: WorkerEntry[]): Pair[] {
  const open = new Map<string, Pair>()
  for (const entry of entries) {
    if ('sending' in entry) open.set(pairKey(entry.sending), entry.sending)
    if ('settled' in entry) for (const pair of entry.settled) open.delete(pairKey(pair))
  }
  return [...open.values()]
}

/** One word for an event and the URL it is owed to. */
export function pairKey({ eventId, url }: Pair): string {
  return `${eventId} ${url}`
}
