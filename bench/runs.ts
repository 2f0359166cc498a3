/** One run: from the first delivery enqueued, or from the start of the work, to the last request. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ContenderCalls, Usage } from './contenders/child.ts'
import type { Place } from './contenders/contender.ts'
import type { Entry } from './contenders/index.ts'
import type { ReceiverCalls } from './receiver.ts'
import { type Peer, startPeer } from './rpc.ts'
import { cpuTimeOf } from './servers/cpu-time.ts'
import type { Servers } from './servers/index.ts'

/** `live` works while deliveries are enqueued; `drain` has all of them waiting when it begins. */
export type Mode = 'live' | 'drain'

const warmUpPerProcess = 1_000

/** What one run measured. */
export interface Sample {
  count: number
  seconds: number
  perSecond: number
  /** CPU time of the sending processes per delivery, in microseconds. */
  cpuMicros: number
  /** The same of the contender's servers; `null` where there are none, or it cannot be told. */
  serverCpuMicros: number | null
  /** Requests that came twice. */
  repeated: number
}

/** A contender with its processes. They outlive a run, so that every run finds warm code. */
export class Runner {
  readonly entry: Entry
  readonly #servers: Servers
  readonly #receiver: Peer<ReceiverCalls>
  readonly #children: Peer<ContenderCalls>[] = []
  #runs = 0

  constructor(entry: Entry, servers: Servers, receiver: Peer<ReceiverCalls>) {
    this.entry = entry
    this.#servers = servers
    this.#receiver = receiver
  }

  async run(mode: Mode, count: number, processes = 1): Promise<Sample> {
    const children = this.#take(processes)
    const folder = mkdtempSync(join(tmpdir(), 'webhooks-bench-'))
    const place = await this.#place(folder)
    // One after the other: the first one makes what the others find.
    for (const child of children) await child.call('open', { file: this.entry.file, place })
    try {
      return await this.#measure(mode, count, children)
    } finally {
      rmSync(folder, { recursive: true, force: true })
      for (const server of this.#servers.of(this.entry)) {
        await server.remove(place.namespace)
        await server.settle()
      }
    }
  }

  /** In turn, so that each of them has warmed up as much as the other. */
  #take(processes: number): Peer<ContenderCalls>[] {
    const wanted = this.entry.shared ? 2 : 1
    while (this.#children.length < wanted) {
      this.#children.push(startPeer('./contenders/child.ts'))
    }
    const taken = this.#children.slice(0, processes)
    this.#children.push(...this.#children.splice(0, processes))
    return taken
  }

  /** The most memory that one of its processes has taken so far, in MiB. */
  async peakMb(): Promise<number> {
    const usages = await all(this.#children, (child) => child.call('usage', undefined))
    return Math.max(...usages.map(({ peakMb }) => peakMb))
  }

  async end(): Promise<void> {
    await all(this.#children, (child) => child.end())
  }

  async #place(folder: string): Promise<Place> {
    this.#runs += 1
    return {
      receiverUrl: this.#servers.receiverUrl,
      databaseUrl: this.#servers.postgres?.url ?? '',
      redisPort: this.#servers.redis?.port ?? 0,
      namespace: `bench_${this.entry.name.replaceAll(/\W/g, '_')}_${this.#runs}`,
      folder,
    }
  }

  async #measure(mode: Mode, count: number, children: Peer<ContenderCalls>[]): Promise<Sample> {
    const share = Math.ceil(count / children.length)
    const total = share * children.length
    const enqueue = () => all(children, (child) => child.call('enqueue', { count: share }))
    const work = () => all(children, (child) => child.call('work', undefined))
    if (mode === 'live') {
      await work()
      await this.#warmUp(children)
    }
    await this.#receiver.call('expect', { count: total })
    if (mode === 'drain') await enqueue()

    const before = await this.#cpu(children)
    const start = performance.now()
    await (mode === 'live' ? enqueue() : work())
    await this.#receiver.call('received', undefined)
    const seconds = (performance.now() - start) / 1000
    // Acknowledgements that were still to come belong to the deliveries.
    await all(children, (child) => child.call('close', undefined))
    const after = await this.#cpu(children)

    const { repeated } = await this.#receiver.call('count', undefined)
    return {
      count: total,
      seconds,
      perSecond: total / seconds,
      cpuMicros: (after.own - before.own) / total,
      serverCpuMicros:
        before.server === null || after.server === null
          ? null
          : (after.server - before.server) / total,
      repeated,
    }
  }

  /** Opens the connections, and lets databases plan their statements: as they are in a process at work. */
  async #warmUp(children: Peer<ContenderCalls>[]): Promise<void> {
    await this.#receiver.call('expect', { count: children.length * warmUpPerProcess })
    await all(children, (child) => child.call('enqueue', { count: warmUpPerProcess }))
    await this.#receiver.call('received', undefined)
  }

  async #cpu(children: Peer<ContenderCalls>[]): Promise<{ own: number; server: number | null }> {
    const usages: Usage[] = await all(children, (child) => child.call('usage', undefined))
    const ofServers = this.#servers.of(this.entry).map(({ pid }) => cpuTimeOf(pid))
    return { own: sum(usages.map(({ cpuMicros }) => cpuMicros)), server: sumIfKnown(ofServers) }
  }
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function sumIfKnown(values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 || known.length < values.length ? null : sum(known)
}

function all<Item, Result>(
  items: Item[],
  each: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  return Promise.all(items.map(each))
}
