import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhooks, type Webhooks } from '../../src/index.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { CrashEmitter, type EmitterTask } from './emitter.ts'
import { collectEvidence, type Evidence, type Parties } from './evidence.ts'
import { type EmitterEntry, Journal } from './journal.ts'
import { Receiver } from './processes.ts'
import type { ReceiverTask } from './receiver.ts'
import { type CrashStoreName, crashStores } from './stores/index.ts'
import type { CrashConnection, CrashServer } from './stores/store.ts'
import { type events, instanceOptions, longestSilenceMs } from './world.ts'

/** Where a run takes place: a receiver, a server, and a folder for what everybody writes down. */
export class Place {
  readonly folder: string
  readonly store: CrashStoreName
  readonly receiver: Receiver
  readonly server: CrashServer

  private constructor(parts: Pick<Place, 'folder' | 'store' | 'receiver' | 'server'>) {
    this.folder = parts.folder
    this.store = parts.store
    this.receiver = parts.receiver
    this.server = parts.server
  }

  static async open(
    store: CrashStoreName,
    behaviour: Omit<ReceiverTask, 'folder'>,
  ): Promise<Place> {
    const folder = mkdtempSync(join(tmpdir(), 'webhooks-crash-'))
    const server = await crashStores[store].start()
    return new Place({
      folder,
      store,
      server,
      receiver: await Receiver.start({ ...behaviour, folder }),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.receiver.close()
    await this.server.stop()
    rmSync(this.folder, { recursive: true })
  }
}

/** One database in a place, with an instance of the test's own on it that nobody kills. */
export class Stage {
  readonly location: string
  readonly webhooks: Webhooks<typeof events, unknown>
  readonly #place: Place
  readonly #connection: CrashConnection
  readonly #storage: Storage<unknown>
  #urls: string[] = []

  private constructor(place: Place, connection: CrashConnection, location: string) {
    this.location = location
    this.#place = place
    this.#connection = connection
    this.#storage = connection.storage
    this.webhooks = createWebhooks({
      ...instanceOptions,
      storage: this.#storage,
      userAgent: 'survivor',
    })
  }

  static async set(place: Place): Promise<Stage> {
    const location = await place.server.create()
    return new Stage(place, await crashStores[place.store].connect(location), location)
  }

  /** Creates endpoints that are subscribed to everything. */
  async addEndpoints(names: string[]): Promise<void> {
    const endpoints = []
    for (const name of names) {
      const url = `${this.#place.receiver.origin}/${name}`
      endpoints.push(await this.webhooks.endpoints.create({ url, events: ['*'] }))
    }
    await this.#place.receiver.add(endpoints)
    this.#urls = endpoints.map(({ url }) => url)
  }

  /**
   * Waits until nothing is owed any more, or nothing moves any more: what a dead process held is
   * free again after a lease.
   */
  async finish(): Promise<void> {
    const since = Date.now()
    while ((await this.#storage.nextDueAt({ exclude: [] })) !== null) {
      if (this.isSilent(since)) return
      await sleep(50)
    }
  }

  /** How many requests its endpoints have got. */
  get received(): number {
    return this.#place.receiver.traffic(this.#urls).count
  }

  /** Whether nothing has come since that instant and for longer than anything may take. */
  isSilent(since: number): boolean {
    const { heardAt } = this.#place.receiver.traffic(this.#urls)
    return Date.now() - Math.max(since, heardAt) > longestSilenceMs
  }

  /** Emits as a child process would. */
  async emit(task: EmitterTask): Promise<void> {
    const journal = new Journal<EmitterEntry>(this.#place.folder, `${task.lane}.emitter`)
    const { webhooks } = this
    await new CrashEmitter({ task, webhooks, connection: this.#connection, journal }).run([])
    journal.close()
  }

  collect(parties: Omit<Parties, 'folder' | 'urls'>): Promise<Evidence> {
    const { folder } = this.#place
    return collectEvidence(
      { ...parties, folder, urls: this.#urls },
      this.#connection,
      this.#storage,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.webhooks.stop()
    await this.#connection.close()
  }
}
