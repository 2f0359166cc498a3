import type { ConnectionOptions } from 'bullmq'
import type { Redis, RedisOptions } from 'ioredis'

/** The constructor of ioredis. */
export type RedisClass = typeof Redis

/** A client, and how it ends. */
export interface OpenConnection {
  client: ConnectionOptions
  /** Ends it, also where Redis cannot be reached; nothing, where the client is the host's. */
  end(): void
}

/** Between two attempts to reach Redis: longer each time, up to this. */
const longestRetryMs = 2_000

/** Whether it is a client rather than options for one. */
export function isClient(connection: ConnectionOptions): boolean {
  return typeof (connection as { duplicate?: unknown }).duplicate === 'function'
}

/**
 * A client made of options, for a BullMQ `Queue` or `Worker`. We make it and not BullMQ, whose ESM
 * build cannot load ioredis, and whose own client could not be ended while Redis is away.
 *
 * @param saveUp - Whether commands wait for Redis while it is away. A worker's do; those of a queue
 * fail at once, for this scheduler knows what to do then.
 */
export function openConnection(
  connection: ConnectionOptions,
  {
    RedisClass,
    saveUp,
    onError,
  }: { RedisClass: RedisClass; saveUp: boolean; onError: (error: unknown) => void },
): OpenConnection {
  let isOver = false
  const { url, ...given } = connection as RedisOptions & { url?: string }
  const options: RedisOptions = {
    ...given,
    // Asked for by BullMQ: https://docs.bullmq.io/guide/connections
    maxRetriesPerRequest: null,
    enableOfflineQueue: saveUp,
    // Copies that BullMQ makes for itself ask the same, and so end with it.
    retryStrategy: (times) => (isOver ? null : Math.min(times * 100, longestRetryMs)),
  }
  const client = url === undefined ? new RedisClass(options) : new RedisClass(url, options)
  client.on('error', onError)
  return {
    client: client as unknown as ConnectionOptions,
    end() {
      isOver = true
      client.disconnect()
    },
  }
}
