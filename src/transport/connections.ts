/**
 * Keeps connections open between requests. Each one is an undici client that holds at most one
 * socket, and carries one request at a time. Unlike undici's own pool, this one can be asked for
 * a fresh connection, knows whether a connection has been used before, and bounds what stays open
 * over all origins together.
 */
import type net from 'node:net'
import { Client } from 'undici'
import { AnswerWatch } from './answer-watch.ts'
import type { Connector } from './connector.ts'
import type { Target } from './target.ts'

export interface ConnectionsOptions {
  connector: Connector
  maxPerOrigin: number
  keepAliveMs: number
}

/** Idle connections beyond this number are closed, the longest idle first. */
const maxIdle = 256

/** Then a connection gives way to a new one, so that a busy one follows its name to a new address. */
const longestLifeMs = 300_000

/** Size of an answer's headers at which reading stops; what Node's own client takes. */
const maxHeaderSize = 16 * 1024

/** One connection to an origin, in use or idle. */
export class Connection {
  readonly client: Client
  readonly origin: Origin
  /** Requests written to the socket now held. */
  requests = 0
  /** The answer that comes on the socket now held; `null` before the first socket. */
  answer: AnswerWatch | null = null
  #socket: net.Socket | null = null
  #madeAt = 0
  /** Time for making the connection, should this request need one. */
  connectTimeoutMs = 0
  readonly #givenUp = new AbortController()

  constructor(origin: Origin, { url }: Target, options: ConnectionsOptions) {
    this.origin = origin
    this.client = new Client(origin.key, {
      allowH2: false,
      maxHeaderSize,
      // The attempt has one deadline of its own over all of this.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: options.keepAliveMs,
      // A receiver's hint may shorten the time, and not hold our sockets for longer.
      keepAliveMaxTimeout: options.keepAliveMs,
      connect: (_target, callback) => {
        const { connectTimeoutMs: timeoutMs } = this
        options.connector({ url, timeoutMs, signal: this.#givenUp.signal }).then(
          (socket) => {
            this.requests = 0
            this.answer = new AnswerWatch(socket)
            this.#socket = socket
            this.#madeAt = performance.now()
            callback(null, socket)
          },
          (error) => callback(error, null),
        )
      },
    })
  }

  /** Whether part of a request still waits to be sent. */
  get isSending(): boolean {
    return (this.#socket?.writableLength ?? 0) > 0
  }

  get isOld(): boolean {
    return performance.now() - this.#madeAt > longestLifeMs
  }

  /** Closes the socket at once; resolves when it is closed. */
  async close(): Promise<void> {
    this.#givenUp.abort()
    await this.client.destroy()
  }
}

/** What is open to one scheme, host and port. */
interface Origin {
  key: string
  idle: Connection[]
  open: number
  waiting: Borrower[]
}

/** A request that wants a connection. */
export interface Borrower {
  readonly target: Target
  /** Wants a connection that has not carried a request. */
  readonly fresh: boolean
  /** Has ended while it waited, and wants no connection any more. */
  readonly ended: boolean
  /** Receives the connection, and gives it back by `release` or `discard`. */
  use(connection: Connection): void
  /** There will be no connection. */
  turnAway(): void
}

/** All connections of a transport. */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #origins = new Map<string, Origin>()
  readonly #all = new Set<Connection>()
  /** Longest idle first. */
  readonly #idle = new Set<Connection>()
  #closed = false

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  /** Hands over a connection, at once or when one becomes free. */
  lend(borrower: Borrower): void {
    if (this.#closed) {
      borrower.turnAway()
      return
    }
    const { maxPerOrigin } = this.#options
    if (borrower.fresh) this.#makeRoom(borrower.target.origin)
    const origin = this.#originOf(borrower.target.origin)
    const idle = borrower.fresh ? undefined : origin.idle.pop()
    if (idle !== undefined) {
      this.#idle.delete(idle)
      borrower.use(idle)
    } else if (origin.open < maxPerOrigin) {
      borrower.use(this.#open(origin, borrower.target))
    } else {
      origin.waiting.push(borrower)
    }
  }

  /** For a new connection. An origin whose last one goes is forgotten. */
  #makeRoom(key: Origin['key']): void {
    const origin = this.#originOf(key)
    if (origin.open >= this.#options.maxPerOrigin) this.#dropIdle(origin.idle[0])
  }

  /**
   * Takes back a connection whose answer has been read to its end. Whoever answers before it has
   * read the request must not let requests pile up in our memory: that connection is closed.
   */
  release(connection: Connection): void {
    if (connection.isSending || connection.isOld) {
      this.discard(connection)
      return
    }
    const { origin } = connection
    origin.idle.push(connection)
    this.#idle.add(connection)
    this.#serveNext(origin)
    if (this.#idle.size > maxIdle) this.#dropIdle(this.#idle.values().next().value)
  }

  /** Takes back a connection that must not be used again, and closes it. */
  discard(connection: Connection): void {
    const { origin } = connection
    if (!this.#all.delete(connection)) return
    origin.open--
    connection.close()
    this.#serveNext(origin)
    if (origin.open === 0) this.#origins.delete(origin.key)
  }

  /** Closes all connections and turns away who waits; resolves when all sockets are closed. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { waiting } of this.#origins.values()) {
      for (const borrower of waiting.splice(0)) borrower.turnAway()
    }
    const open = [...this.#all]
    this.#all.clear()
    this.#idle.clear()
    this.#origins.clear()
    await Promise.all(open.map((connection) => connection.close()))
  }

  #originOf(key: string): Origin {
    let origin = this.#origins.get(key)
    if (origin === undefined) {
      origin = { key, idle: [], open: 0, waiting: [] }
      this.#origins.set(key, origin)
    }
    return origin
  }

  #open(origin: Origin, target: Target): Connection {
    const connection = new Connection(origin, target, this.#options)
    origin.open++
    this.#all.add(connection)
    connection.client.on('disconnect', () => this.#dropIdle(connection))
    return connection
  }

  #dropIdle(connection: Connection | undefined): void {
    if (connection === undefined || !this.#idle.delete(connection)) return
    const { idle } = connection.origin
    idle.splice(idle.indexOf(connection), 1)
    this.discard(connection)
  }

  #serveNext(origin: Origin): void {
    let next = origin.waiting.shift()
    while (next?.ended) next = origin.waiting.shift()
    if (next !== undefined) this.lend(next)
  }
}
