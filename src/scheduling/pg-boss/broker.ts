import type { Broker, WakeUp } from '../broker/broker.ts'
import type { PgBossInstance } from './boss.ts'

export interface PgBossBrokerOptions {
  boss: PgBossInstance
  queueName: string
  pollIntervalMs: number
}

/** Jobs that one look of a worker takes with it: they all say the same. */
const batchSize = 100

/**
 * Of jobs under one key, one waits at a time (`short`). A worker that died leaves one active, which
 * is done again after a minute; what is done is deleted a minute later.
 */
const queueOptions = {
  policy: 'short',
  notify: true,
  expireInSeconds: 60,
  retryLimit: 1,
  retentionSeconds: 3_600,
  deleteAfterSeconds: 60,
}

/** Wake-ups as jobs of one pg-boss queue. They hold no data. */
export class PgBossBroker implements Broker {
  readonly #boss: PgBossInstance
  readonly #queueName: string
  readonly #pollIntervalMs: number
  #onError: (error: unknown) => void = () => {}
  #onWake: (() => Promise<void>) | null = null
  /** Whether the queue exists and, where wake-ups are wanted, a worker of pg-boss asks for them. */
  #isReady = false
  #workerId: string | null = null

  constructor({ boss, queueName, pollIntervalMs }: PgBossBrokerOptions) {
    this.#boss = boss
    this.#queueName = queueName
    this.#pollIntervalMs = pollIntervalMs
  }

  async connect(onError: (error: unknown) => void): Promise<void> {
    this.#onError = onError
    // Without a listener, an error of pg-boss would end the process.
    this.#boss.on('error', onError)
  }

  listen(onWake: () => Promise<void>): void {
    this.#onWake = onWake
    this.#prepare().catch(this.#onError)
  }

  async put({ key, delayMs }: WakeUp): Promise<void> {
    if (!this.#isReady) await this.#prepare()
    const startAfter = delayMs === 0 ? {} : { startAfter: new Date(Date.now() + delayMs) }
    try {
      await this.#boss.send(this.#queueName, null, { singletonKey: key, ...startAfter })
    } catch (error) {
      // The queue may have gone with its schema.
      this.#isReady = false
      throw error
    }
  }

  async close(): Promise<void> {
    this.#onWake = null
    this.#boss.off('error', this.#onError)
    await this.#endWorker()
  }

  async #endWorker(): Promise<void> {
    const id = this.#workerId
    this.#workerId = null
    if (id !== null) await this.#boss.offWork(this.#queueName, { id })
  }

  async #prepare(): Promise<void> {
    await this.#boss.createQueue(this.#queueName, queueOptions)
    if (this.#onWake !== null) {
      // One from before an outage may be gone, or not.
      await this.#endWorker()
      this.#workerId = await this.#boss.work(
        this.#queueName,
        { batchSize, pollingIntervalSeconds: this.#pollIntervalMs / 1_000 },
        async () => this.#onWake?.(),
      )
    }
    this.#isReady = true
  }
}
