import type { ConnectionOptions, Job, Queue, Worker } from 'bullmq'
import { WebhooksError } from '../../errors.ts'
import type { Broker, WakeUp } from '../broker/broker.ts'
import { isClient, type OpenConnection, openConnection, type RedisClass } from './connection.ts'

interface Driver {
  Queue: typeof Queue
  Worker: typeof Worker
  /** `null` where the host brings its own client. */
  RedisClass: RedisClass | null
}

/**
 * How long a wake-up keeps others under its key away, at most, once it is due: a key whose job was
 * evicted or removed by hand may not do so for ever.
 */
const keyOutlivesMs = 60_000

export interface BullmqBrokerOptions {
  connection: ConnectionOptions
  queueName: string
  prefix: string
}

/** Wake-ups as jobs of one BullMQ queue. Their data is empty. */
export class BullmqBroker implements Broker {
  readonly #options: BullmqBrokerOptions
  readonly #connections: OpenConnection[] = []
  #driver: Driver | null = null
  #queue: Queue | null = null
  #worker: Worker | null = null
  #onError: (error: unknown) => void = () => {}

  constructor(options: BullmqBrokerOptions) {
    this.#options = options
  }

  async connect(onError: (error: unknown) => void): Promise<void> {
    this.#onError = onError
    const { connection, queueName, prefix } = this.#options
    const driver = await loadDriver(!isClient(connection))
    this.#driver = driver
    const { client } = this.#open(driver, { saveUp: false })
    this.#queue = new driver.Queue(queueName, { connection: client, prefix })
    this.#queue.on('error', onError)
  }

  listen(onWake: () => Promise<void>): void {
    if (this.#driver === null) return
    const { queueName, prefix } = this.#options
    const { client } = this.#open(this.#driver, { saveUp: true })
    const take = async (job: Job): Promise<void> => {
      // From here on the next hint makes a job of its own: this run may look before its time.
      await job.removeDeduplicationKey()
      await onWake()
    }
    this.#worker = new this.#driver.Worker(queueName, take, {
      connection: client,
      prefix,
      // A wake-up that is under way keeps this process from getting the next one.
      concurrency: 1,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    })
    this.#worker.on('error', this.#onError)
  }

  async put({ key, delayMs }: WakeUp): Promise<void> {
    await this.#queue?.add(
      'wake',
      {},
      {
        delay: delayMs,
        deduplication: { id: key, ttl: delayMs + keyOutlivesMs },
        removeOnComplete: true,
        removeOnFail: true,
      },
    )
  }

  async close(): Promise<void> {
    // Where Redis is away, these end only with the connections below them.
    const closing = Promise.allSettled([this.#worker?.close(), this.#queue?.close()])
    const soon = new Promise((resolve) => setTimeout(resolve, 500).unref())
    await Promise.race([closing, soon])
    for (const connection of this.#connections) connection.end()
    await closing
  }

  #open({ RedisClass }: Driver, { saveUp }: { saveUp: boolean }): OpenConnection {
    const { connection } = this.#options
    if (RedisClass === null) return { client: connection, end() {} }
    const opened = openConnection(connection, {
      RedisClass,
      saveUp,
      onError: this.#onError,
    })
    this.#connections.push(opened)
    return opened
  }
}

async function loadDriver(needsClient: boolean): Promise<Driver> {
  try {
    const { Queue, Worker } = await import('bullmq')
    const RedisClass = needsClient ? (await import('ioredis')).Redis : null
    return { Queue, Worker, RedisClass }
  } catch (cause) {
    throw new WebhooksError(
      'driver_missing',
      'The packages bullmq and ioredis are not installed: npm install bullmq ioredis',
      { cause },
    )
  }
}
