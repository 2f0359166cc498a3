/** Makes connections, and only such as the address guard allows. */
import net from 'node:net'
import tls from 'node:tls'
import type { AddressGuard } from './address-guard.ts'
import { setDeadline } from './deadline.ts'
import { dial } from './dial.ts'
import { TransportFailure, tlsFailure, unheard } from './failures.ts'
import { hostnameOf } from './url-rules.ts'

/** What a connection is made for. */
export interface ConnectRequest {
  url: URL
  /** Covers look-up, TCP and TLS. */
  timeoutMs: number
  /** Gives the connection up. */
  signal: AbortSignal
}

/** Makes a connection that is ready for a request: for `https:` URLs, with TLS on it. */
export type Connector = (request: ConnectRequest) => Promise<net.Socket>

/**
 * Creates a connector bound to one guard. The host is resolved once; every answer is judged, and
 * only what was judged is dialled, so that a second answer of the name server is never used. The
 * address at the far end is judged once more before the first byte is written to it.
 */
export function createConnector(
  guard: AddressGuard,
  secureContext: tls.SecureContext | undefined,
): Connector {
  return async ({ url, timeoutMs, signal }) => {
    const hostname = hostnameOf(url)
    const limit = new AbortController()
    const giveUp = () => limit.abort(signal.reason)
    let step: keyof typeof tooLate = 'lookup'
    const cancelDeadline = setDeadline(timeoutMs, (stoodStill) => {
      const failure = tooLate[step](timeoutMs)
      limit.abort(stoodStill ? unheard(failure) : failure)
    })
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp)

    try {
      const addresses = await orAborted(guard.resolve(url), limit.signal)
      step = 'connect'
      const socket = await dial(addresses, portOf(url), limit.signal)
      try {
        guard.checkAddress(url, remoteAddressOf(socket))
        if (url.protocol !== 'https:') return socket
        step = 'handshake'
        return await secure(socket, hostname, secureContext, limit.signal)
      } catch (error) {
        socket.destroy()
        throw error
      }
    } finally {
      cancelDeadline()
      signal.removeEventListener('abort', giveUp)
    }
  }
}

/** Whose doing it is that there is no connection in time: a silent name server is ours. */
const tooLate = {
  lookup: (ms: number) =>
    new TransportFailure('dns_failed', `The name server did not answer within ${ms} ms`, 'sender'),
  connect: (ms: number) =>
    new TransportFailure('connect_timeout', `No connection within ${ms} ms`, 'network'),
  handshake: (ms: number) =>
    new TransportFailure('connect_timeout', `No TLS connection within ${ms} ms`, 'receiver'),
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}

function remoteAddressOf(socket: net.Socket): string {
  if (socket.remoteAddress !== undefined) return socket.remoteAddress
  throw new TransportFailure('connection_reset', 'The receiver closed the connection', 'receiver')
}

/** Does the TLS handshake on a connected socket; whoever destroys that one ends it. */
function secure(
  socket: net.Socket,
  hostname: string,
  secureContext: tls.SecureContext | undefined,
  signal: AbortSignal,
): Promise<tls.TLSSocket> {
  const secured = tls.connect({
    socket,
    host: hostname,
    // Server Name Indication is for names only (RFC 6066 section 3).
    ...(net.isIP(hostname) === 0 ? { servername: hostname } : {}),
    ALPNProtocols: ['http/1.1'],
    // Said here, because an environment variable could switch the check off for the process.
    rejectUnauthorized: true,
    secureContext,
  })
  // Stays on the socket: an error before its next owner listens must not end the process. After the
  // handshake, Node tells of what is no TLS and leaves the connection open.
  secured.on('error', () => secured.destroy())
  const handshake = new Promise<tls.TLSSocket>((resolve, reject) => {
    secured.once('secureConnect', () => resolve(secured))
    secured.once('error', (error) => reject(tlsFailure(error)))
    secured.once('close', () => reject(tlsFailure(new Error('the receiver closed the connection'))))
  })
  return orAborted(handshake, signal)
}

/** Stops waiting for `work` when the signal aborts. */
function orAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
