/** What a misbehaving receiver does, in parts that its kinds are put together from. */
import type net from 'node:net'
import type tls from 'node:tls'
import type { CertificateKind } from './certificates.ts'

/** A request as it came over the wire. */
export interface ReceivedRequest {
  /** Request line and headers, as sent. */
  readonly head: string
  /** Headers by lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One request that waits for its answer. */
export interface Call {
  socket: net.Socket
  /** 1 for the first request on its connection. */
  onConnection: number
  /** 1 for the first connection to the receiver. */
  connection: number
}

/** What a name server says: addresses, the code of an error, or nothing at all. */
export type NameAnswer = readonly string[] | 'ENOTFOUND' | 'ESERVFAIL' | 'silence'

export interface Behaviour {
  /** Answers a request, read whole. Default: 200. */
  answer?: (call: Call) => void
  /** Meets a connection before anything is read from it, below TLS; what it does is all that happens. */
  greet?: (socket: net.Socket) => void
  /** Speaks TLS, with this certificate. */
  certificate?: CertificateKind
  /** Speaks TLS as these options say. */
  tls?: tls.TlsOptions
  /** Time before the TLS handshake begins, in milliseconds. */
  handshakeAfterMs?: number
  /** Its URL begins with `https:`, whatever it speaks. */
  isHttps?: boolean
  /** What its name leads to once its first look-up was answered well. It has a name only with this. */
  nameLater?: NameAnswer
  /** Listens no more. */
  isDown?: boolean
}

export const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** A drip, for ever. */
const dripMs = 1_000

export function writes(...answer: (string | Buffer)[]): Behaviour {
  return {
    answer: ({ socket }) => {
      for (const part of answer) socket.write(part)
    },
  }
}

export function writesAndCloses(answer: string): Behaviour {
  return { answer: ({ socket }) => socket.end(answer, 'latin1') }
}

export function writesAndResets(answer: string): Behaviour {
  return {
    answer: ({ socket }) => {
      socket.write(answer)
      setTimeout(() => socket.resetAndDestroy(), 20)
    },
  }
}

/** Writes the parts one after another, each in a packet of its own. */
export function writesInPieces(...parts: string[]): Behaviour {
  return {
    answer: ({ socket }) => {
      const left = [...parts]
      const next = () => {
        const part = left.shift()
        if (part === undefined || socket.destroyed) return
        socket.write(part)
        setTimeout(next, 5)
      }
      next()
    },
  }
}

/** Writes `head`, then `chunk` again and again for as long as the client listens. */
export function writesForEver(head: string, chunk: string): Behaviour {
  const bytes = Buffer.from(chunk)
  return {
    answer: ({ socket }) => {
      const more = () => {
        while (!socket.destroyed && socket.write(bytes)) {
          if (socket.writableLength > 65_536) break
        }
      }
      socket.on('drain', more)
      if (head !== '') socket.write(head)
      more()
    },
  }
}

/** Writes `head`, then `chunk` once a second for as long as the client listens. */
export function drips(head: string | Buffer, chunk: string | Buffer): Behaviour {
  return { answer: ({ socket }) => dripInto(socket, head, chunk) }
}

/** Does the same before it has read anything. */
export function dripsAtOnce(head: string | Buffer, chunk: string | Buffer): Behaviour {
  return {
    greet: (socket) => {
      socket.resume()
      dripInto(socket, head, chunk)
    },
  }
}

function dripInto(socket: net.Socket, head: string | Buffer, chunk: string | Buffer): void {
  if (head.length > 0) socket.write(head)
  socket.write(chunk)
  const timer = setInterval(() => socket.write(chunk), dripMs)
  socket.on('close', () => clearInterval(timer))
}

/** A status with headers and no body. */
export function answers(status: number, ...headers: string[]): Behaviour {
  const lines = [`HTTP/1.1 ${status} Answer`, ...headers, 'content-length: 0']
  return writes(`${lines.join('\r\n')}\r\n\r\n`)
}
