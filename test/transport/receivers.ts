/** Real servers on loopback that misbehave, one behaviour each. */
import net from 'node:net'
import tls from 'node:tls'
import { gzipSync } from 'node:zlib'
import {
  expiredCertificate,
  futureCertificate,
  otherHostCertificate,
  type ServerCertificate,
  selfSignedCertificate,
  validCertificate,
} from './certificates.ts'

/** A request as it came over the wire. */
export interface ReceivedRequest {
  /** Request line and headers, as sent. */
  head: string
  body: string
}

/** One request that waits for its answer. */
interface Call {
  socket: net.Socket
  request: ReceivedRequest
  /** 1 for the first request on its connection. */
  onConnection: number
  /** 1 for the first connection to the receiver. */
  connection: number
}

interface Behaviour {
  /** Answers a request, read whole. Default: 200. */
  answer?: (call: Call) => void
  /** Meets a connection before anything is read from it; `true` keeps the request unread. */
  greet?: (socket: net.Socket) => boolean
  /** Speaks TLS with this certificate. */
  certificate?: ServerCertificate
  tls?: tls.TlsOptions
}

/** A server on loopback. */
export interface Receiver {
  url: string
  port: number
  requests: ReceivedRequest[]
  /** Connections accepted so far. */
  connections(): number
  /** Connections open now. */
  openConnections(): number
  close(): Promise<void>
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

function writes(...answer: (string | Buffer)[]): Behaviour {
  return {
    answer: ({ socket }) => {
      for (const part of answer) socket.write(part)
    },
  }
}

function writesAndCloses(answer: string): Behaviour {
  return { answer: ({ socket }) => socket.end(answer, 'latin1') }
}

/** Writes the parts one after another, each in a packet of its own. */
function writesInPieces(...parts: string[]): Behaviour {
  return {
    answer: ({ socket }) => {
      const next = () => {
        const part = parts.shift()
        if (part === undefined || socket.destroyed) return
        socket.write(part)
        setTimeout(next, 5)
      }
      next()
    },
  }
}

/** Writes `head`, then `chunk` again and again for as long as the client listens. */
function writesForEver(head: string, chunk: string | Buffer): Behaviour {
  return {
    answer: ({ socket }) => {
      const more = () => {
        while (!socket.destroyed && socket.write(chunk)) {
          if (socket.writableLength > 65_536) break
        }
      }
      socket.on('drain', more)
      socket.write(head)
      more()
    },
  }
}

function drips(head: string, chunk: string): Behaviour {
  return {
    answer: ({ socket }) => {
      socket.write(head)
      const timer = setInterval(() => socket.write(chunk), 20)
      socket.on('close', () => clearInterval(timer))
    },
  }
}

function redirects(status: number, location: string | null): Behaviour {
  const header = location === null ? '' : `location: ${location}\r\n`
  return writes(`HTTP/1.1 ${status} Moved\r\n${header}content-length: 0\r\n\r\n`)
}

/** 64 KB on the wire, 64 MB unpacked; made when it is first asked for. */
let bomb: Buffer | undefined

/** What servers in the field do wrong, by name. */
export const behaviours = {
  // time
  'never answers': { answer: () => {} },
  'accepts and does not read': {
    greet: (socket) => {
      // Without reading, it would not learn that the client has gone.
      setTimeout(() => socket.resume(), 1_000)
      return true
    },
  },
  'drips its body': drips('HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\n', 'x'),
  'drips its headers': drips('HTTP/1.1 200 OK\r\n', 'x: y\r\n'),
  'hangs in the TLS handshake': {
    greet: (socket) => {
      socket.resume()
      return true
    },
  },
  // size
  'endless body': writesForEver(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
    `4000\r\n${'x'.repeat(0x4000)}\r\n`,
  ),
  'endless body until it closes': writesForEver('HTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(0x4000)),
  'announces 10 GB': writesForEver(
    'HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n',
    'x'.repeat(0x4000),
  ),
  'gzip bomb': {
    answer: ({ socket }) => {
      bomb ??= gzipSync(Buffer.alloc(64 * 1024 * 1024))
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`,
      )
      socket.write(bomb)
    },
  },
  'gzip claimed, plain body': writes(
    'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello',
  ),
  'header of 20 KB': writes(`HTTP/1.1 200 OK\r\nx-large: ${'x'.repeat(20_000)}\r\n\r\n`),
  '10 MB reason phrase': writes(
    `HTTP/1.1 200 ${'x'.repeat(10_000_000)}\r\ncontent-length: 0\r\n\r\n`,
  ),
  'endless headers': writesForEver('HTTP/1.1 200 OK\r\n', `x: ${'y'.repeat(1000)}\r\n`),
  // protocol
  garbage: writes('hello there'),
  'SSH banner': writes('SSH-2.0-OpenSSH_9.6\r\n'),
  'HTTP/2 frames on HTTP/1.1': writes(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])),
  'status 99': writes('HTTP/1.1 99 Low\r\ncontent-length: 0\r\n\r\n'),
  'LF only': writes('HTTP/1.1 200 OK\ncontent-length: 2\n\nok'),
  'obs-fold header': writes('HTTP/1.1 200 OK\r\nx-folded: a\r\n b\r\ncontent-length: 0\r\n\r\n'),
  'status 999': writes('HTTP/1.1 999 High\r\ncontent-length: 0\r\n\r\n'),
  'no reason phrase': writes('HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n'),
  '103, then 200': writes('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', ok),
  '100 unasked, then 200': writes(`HTTP/1.1 100 Continue\r\n\r\n${ok}`),
  '100 and 103 in pieces, then 200': writesInPieces(
    'HTTP/1.1 1',
    '00 Continue\r\n',
    '\r\nHTTP/1.1 103 Early Hints\r\n\r',
    '\nHTTP/',
    '1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
  ),
  '103 flood': writesForEver('', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)),
  '100 flood': writesForEver('', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)),
  '101 unasked': writes('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
  '204 with a body': writes('HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello'),
  'body longer than content-length': writes(`${ok}and more`),
  'chunked body cut short': writesAndCloses(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nhello',
  ),
  'body shorter than content-length': writesAndCloses(
    'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello',
  ),
  'broken chunk': writes('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloZZ\r\n'),
  'reset in mid body': {
    answer: ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello')
      setTimeout(() => socket.resetAndDestroy(), 20)
    },
  },
  'answers before it has read the body, and closes': {
    greet: (socket) => {
      socket.once('data', () => {
        socket.pause()
        const answer = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'
        socket.end(answer, () => socket.destroy())
      })
      return true
    },
  },
  'body not UTF-8': writes(
    'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n',
    Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  ),
  'header bytes not ASCII': writes(
    Buffer.from('HTTP/1.1 200 OK\r\nx-name: caf\xe9 \x80\r\ncontent-length: 0\r\n\r\n', 'latin1'),
  ),
  'header named __proto__': writes(
    'HTTP/1.1 200 OK\r\n__proto__: a\r\nconstructor: b\r\ncontent-length: 0\r\n\r\n',
  ),
  'two content-lengths': writes(
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\nok',
  ),
  'HTTP/1.0': writesAndCloses('HTTP/1.0 200 OK\r\n\r\nok'),
  // connection
  'FIN without answer': { answer: ({ socket }) => socket.end() },
  'RST without answer': { answer: ({ socket }) => socket.resetAndDestroy() },
  'RST on connect': {
    greet: (socket) => {
      socket.resetAndDestroy()
      return true
    },
  },
  'FIN in the middle of the headers': writesAndCloses('HTTP/1.1 200 OK\r\ncontent-le'),
  'closes a reused connection on the next request': {
    answer: ({ socket, onConnection }) => {
      if (onConnection === 1) socket.write(ok)
      else socket.end()
    },
  },
  'resets a reused connection on the next request': {
    answer: ({ socket, onConnection }) => {
      if (onConnection === 1) socket.write(ok)
      else socket.resetAndDestroy()
    },
  },
  'begins to answer on a reused connection, then resets': {
    answer: ({ socket, onConnection }) => {
      if (onConnection === 1) return void socket.write(ok)
      socket.write('HTTP/1.1 2')
      setTimeout(() => socket.resetAndDestroy(), 20)
    },
  },
  'resets every request but the first': {
    answer: ({ socket, connection, onConnection }) => {
      if (connection === 1 && onConnection === 1) socket.write(ok)
      else socket.resetAndDestroy()
    },
  },
  // redirect
  '301 elsewhere': redirects(301, 'http://elsewhere.test/'),
  '302 to a private address': redirects(302, 'http://169.254.169.254/'),
  '303 elsewhere': redirects(303, 'http://elsewhere.test/'),
  '307 elsewhere': redirects(307, 'https://elsewhere.test/'),
  '308 elsewhere': redirects(308, 'https://elsewhere.test/'),
  '302 to itself': redirects(302, '/'),
  '302 without location': redirects(302, null),
  'location with credentials': redirects(302, 'http://user:secret@elsewhere.test/'),
  'location of 100 KB': redirects(302, `http://elsewhere.test/${'x'.repeat(100_000)}`),
  // TLS
  'self-signed certificate': { certificate: selfSignedCertificate },
  'expired certificate': { certificate: expiredCertificate },
  'certificate of the future': { certificate: futureCertificate },
  'certificate of another host': { certificate: otherHostCertificate },
  'plain HTTP on the TLS port': {
    greet: (socket) => {
      socket.resume()
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
      return true
    },
  },
  'resets in the TLS handshake': {
    greet: (socket) => {
      socket.once('data', () => socket.resetAndDestroy())
      return true
    },
  },
  'HTTP/2 only': { certificate: validCertificate, tls: { ALPNProtocols: ['h2'] } },
  'renegotiates TLS 1.2': {
    certificate: validCertificate,
    tls: { maxVersion: 'TLSv1.2' },
    answer: ({ socket }) => {
      if (socket instanceof tls.TLSSocket) socket.renegotiate({}, () => {})
      setTimeout(() => socket.write(ok), 20)
    },
  },
  // good ones, to compare
  'asks to keep the connection for an hour': writes(
    'HTTP/1.1 200 OK\r\nkeep-alive: timeout=3600\r\ncontent-length: 2\r\n\r\nok',
  ),
  'answers 200': {},
  'answers 200 over TLS': {
    certificate: validCertificate,
    tls: { ALPNProtocols: ['h2', 'http/1.1'] },
  },
} satisfies Record<string, Behaviour>

/** The name of a behaviour. */
export type Misbehaviour = keyof typeof behaviours

/** Starts a receiver on loopback that behaves as the name says. */
export function misbehavingReceiver(kind: Misbehaviour): Promise<Receiver> {
  return startReceiver(behaviours[kind])
}

/** Starts a receiver that gives every request this answer, written as it is. */
export function answeringReceiver(answer: string): Promise<Receiver> {
  return startReceiver(writes(answer))
}

async function startReceiver(behaviour: Behaviour): Promise<Receiver> {
  const { answer = ({ socket }) => socket.write(ok), greet, certificate } = behaviour
  const requests: ReceivedRequest[] = []
  const open = new Set<net.Socket>()
  let connections = 0

  const server = certificate
    ? tls.createServer({ ...certificate, ...behaviour.tls }, serve)
    : net.createServer({ noDelay: true }, serve)
  // Below TLS, and before it is served: a connection counts even if its handshake fails.
  server.prependListener('connection', (socket: net.Socket) => {
    connections++
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })

  function serve(socket: net.Socket): void {
    socket.on('error', () => {})
    if (greet?.(socket) === true) return
    const connection = connections
    let onConnection = 0
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      const request = parseRequest(received)
      if (request === null) return
      received = Buffer.alloc(0)
      requests.push(request)
      onConnection++
      answer({ socket, request, onConnection, connection })
    })
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  return {
    url: `${certificate ? 'https' : 'http'}://127.0.0.1:${port}/hook?a=b`,
    port,
    requests,
    connections: () => connections,
    openConnections: () => open.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

/** Reads one request, sent alone on its connection; `null` if it has not come whole. */
function parseRequest(received: Buffer): ReceivedRequest | null {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return null
  const head = received.subarray(0, end).toString('latin1')
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
  const body = received.subarray(end + 4)
  return body.length < length ? null : { head, body: body.toString('utf8') }
}
