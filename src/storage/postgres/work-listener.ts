import { type OwnConnection, optionsOf, type PoolConnection, type PostgresPool } from './pool.ts'

/** Waits before connecting again: doubled each time, up to the longest. */
const firstWaitMs = 100
const longestWaitMs = 30_000

/**
 * How often the connection is tried out. One that a firewall has dropped in silence hears nothing
 * and ends in no error.
 */
const heartbeatMs = 30_000

/** How long its answer may take. */
const answerWithinMs = 10_000

/** A connection on which we listen, and how it is given up. */
export interface Line {
  connection: PoolConnection
  hangUp(): void
}

/**
 * Listens for NOTIFY on one connection of its own, for as long as somebody wants to know. When the
 * connection is lost it connects again, and then calls the listeners, because something may have
 * been missed; until then, polling finds the work.
 */
export class WorkListener {
  readonly #pool: PostgresPool
  readonly #channel: string
  readonly #ownPayload: string
  readonly #listeners = new Set<() => void>()
  #line: Line | null = null
  #connecting = false
  #failures = 0
  #timer: NodeJS.Timeout | undefined

  /**
   * @param options.channel - Quoted.
   * @param options.ownPayload - Of notifications that this process sent itself, and knows about.
   */
  constructor(pool: PostgresPool, options: { channel: string; ownPayload: string }) {
    this.#pool = pool
    this.#channel = options.channel
    this.#ownPayload = options.ownPayload
  }

  /** @returns A function that ends the subscription. */
  subscribe(listener: () => void): () => void {
    const own = () => listener()
    this.#listeners.add(own)
    void this.#connect()
    return () => {
      this.#listeners.delete(own)
      if (this.#listeners.size === 0) this.#hangUp()
    }
  }

  close(): void {
    this.#listeners.clear()
    this.#hangUp()
  }

  get #isWanted(): boolean {
    return this.#listeners.size > 0
  }

  async #connect(): Promise<void> {
    if (this.#line !== null || this.#connecting) return
    this.#connecting = true
    clearTimeout(this.#timer)
    let line: Line | null = null
    try {
      line = await openLine(this.#pool)
      await this.#listen(line)
      this.#failures = 0
    } catch {
      if (line !== null) this.#lose(line)
      this.#retryLater()
    } finally {
      this.#connecting = false
    }
    if (!this.#isWanted) this.#hangUp()
    else if (this.#line !== null) this.#tell()
  }

  async #listen(line: Line): Promise<void> {
    const { connection } = line
    connection.on('error', () => this.#lost(line))
    connection.on('end', () => this.#lost(line))
    connection.on('notification', ({ payload }) => {
      if (payload !== this.#ownPayload) this.#tell()
    })
    await connection.query(`LISTEN ${this.#channel}`)
    this.#line = line
    this.#beat(line)
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  #beat(line: Line): void {
    this.#timer = setTimeout(async () => {
      // What swallows bytes in silence lets no query fail either.
      const overdue = setTimeout(() => this.#lost(line), answerWithinMs)
      overdue.unref()
      try {
        await line.connection.query('SELECT 1')
        if (this.#line === line) this.#beat(line)
      } catch {
        this.#lost(line)
      } finally {
        clearTimeout(overdue)
      }
    }, heartbeatMs)
    this.#timer.unref()
  }

  #lost(line: Line): void {
    if (this.#line !== line) return
    this.#lose(line)
    this.#retryLater()
  }

  #lose(line: Line): void {
    if (this.#line === line) this.#line = null
    line.hangUp()
  }

  #retryLater(): void {
    clearTimeout(this.#timer)
    if (!this.#isWanted) return
    const waitMs = Math.min(firstWaitMs * 2 ** this.#failures, longestWaitMs)
    this.#failures += 1
    // Spread, so that a server that comes back is not met by all at once.
    this.#timer = setTimeout(() => void this.#connect(), waitMs * (0.5 + Math.random() / 2))
    this.#timer.unref()
  }

  #hangUp(): void {
    clearTimeout(this.#timer)
    if (this.#line !== null) this.#lose(this.#line)
  }
}

/**
 * A connection beside the pool, made as the pool makes its own, so that listening takes none of
 * its places. A pool that does not show how it connects lends one of its own.
 */
export async function openLine(pool: PostgresPool): Promise<Line> {
  const Client = clientOf(pool)
  if (Client === null) {
    const connection = await pool.connect()
    return { connection, hangUp: () => connection.release(true) }
  }
  const connection = new Client({ keepAlive: true, ...connectionOptions(pool) })
  // An error with nobody listening would end the process.
  connection.on('error', () => {})
  await connection.connect()
  return { connection, hangUp: () => void connection.end().catch(() => {}) }
}

type ClientConstructor = new (options: object) => OwnConnection

function clientOf(pool: PostgresPool): ClientConstructor | null {
  const known = 'Client' in pool && typeof pool.Client === 'function' && 'options' in pool
  return known ? (pool.Client as ClientConstructor) : null
}

/** With the password, which `pg` keeps out of enumeration. */
function connectionOptions(pool: PostgresPool): object {
  const options = optionsOf(pool)
  return 'password' in options ? { ...options, password: options.password } : options
}
