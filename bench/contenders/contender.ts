/** Where a run takes place: everything a contender may use, new for each run. */
export interface Place {
  receiverUrl: string
  /** An empty Postgres schema, queue or file name of this run's own. */
  namespace: string
  /** Empty where no contender of the run needs one. */
  databaseUrl: string
  redisPort: number
  /** For files; taken away after the run. */
  folder: string
}

/** One way to deliver webhooks, opened in a process of its own. */
export interface Contender {
  /** Stores `count` deliveries, in batches, by the fastest call that the contender has for it. */
  enqueue(count: number): Promise<void>
  /** Begins to deliver. */
  work(): Promise<void>
  /** Finishes what is under way, acknowledgements included, and lets go of everything. */
  close(): Promise<void>
}

export type OpenContender = (place: Place) => Promise<Contender>

/** Requests under way at once, in each process. */
export const concurrency = 64
/** Deliveries that are enqueued with one call. */
export const batchSize = 500
/** What every body carries: about 1 KB in all. */
export const data = { text: 'x'.repeat(920) }
/** Connections of the pool of everybody who uses Postgres. */
export const poolSize = 10

/** Calls `each` with the sizes of the batches that make up `count`. */
export async function inBatches(count: number, each: (size: number) => Promise<unknown>) {
  for (let done = 0; done < count; done += batchSize) await each(Math.min(batchSize, count - done))
}
