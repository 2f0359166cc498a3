/** The server that behaves, and misbehaves, as it is told. */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { type Behaviour, type Call, ok, type ReceivedRequest } from './behaviour.ts'
import { certificateAuthority, certificateOf } from './certificates.ts'
import { createNameServer, type NameServer } from './name-server.ts'

/** A server on loopback that misbehaves. */
export interface MisbehavingReceiver {
  /** Where it listens: an address, or a name that only `lookup` knows. */
  readonly url: string
  readonly port: number
  /** Every request that it read whole, in order. */
  readonly requests: readonly ReceivedRequest[]
  /** Connections that it has accepted so far. */
  readonly connections: number
  /** Connections that are open now. */
  readonly openConnections: number
  /**
   * Resolves the names of receivers, for `addressGuard.lookup`. The first look-up of a name, as made
   * when an endpoint is created, leads to the receiver; later ones misbehave if that is its kind.
   * A name of anybody else is not found.
   */
  readonly lookup: NameServer
  /**
   * The authority behind its certificate in PEM form, for `certificateAuthorities` of
   * `httpTransport`: trusted, so that only what is wrong with the certificate counts.
   */
  readonly certificateAuthority: string
  /** Closes it with all its connections. */
  close(): Promise<void>
}

export async function startReceiver(behaviour: Behaviour): Promise<MisbehavingReceiver> {
  const { answer = ({ socket }: Call) => void socket.write(ok), greet } = behaviour
  const requests: ReceivedRequest[] = []
  const open = new Set<net.Socket>()
  const secure = behaviour.certificate ?? (behaviour.tls && 'valid')
  let connections = 0

  const server = net.createServer({ noDelay: true }, (socket) => {
    const connection = ++connections
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    if (greet !== undefined) return greet(socket)
    if (secure === undefined) return serve(socket, connection)
    setTimeout(() => {
      const options = { ...certificateOf(secure), ...behaviour.tls }
      const secured = new tls.TLSSocket(socket, { isServer: true, ...options })
      secured.on('error', () => socket.destroy())
      serve(secured, connection)
    }, behaviour.handshakeAfterMs ?? 0)
  })

  function serve(socket: net.Socket, connection: number): void {
    let onConnection = 0
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      const request = parseRequest(received)
      if (request === null) return
      received = Buffer.alloc(0)
      requests.push(request)
      answer({ socket, connection, onConnection: ++onConnection })
    })
  }

  async function close(): Promise<void> {
    for (const socket of open) socket.destroy()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  if (behaviour.isDown) await close()
  const { nameLater } = behaviour
  const host = nameLater === undefined ? '127.0.0.1' : `${port}.receiver.test`
  const scheme = secure !== undefined || behaviour.isHttps ? 'https' : 'http'

  return {
    url: `${scheme}://${host}:${port}/hook?a=b`,
    port,
    requests,
    get connections() {
      return connections
    },
    get openConnections() {
      return open.size
    },
    lookup: createNameServer(host, nameLater ?? ['127.0.0.1']),
    certificateAuthority: certificateAuthority(),
    close,
  }
}

/** Reads one request, sent alone on its connection; `null` if it has not come whole. */
function parseRequest(received: Buffer): ReceivedRequest | null {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return null
  const head = received.subarray(0, end).toString('latin1')
  const fields = [...head.matchAll(/\r\n([^:\r]+): *([^\r]*)/g)]
  const headers = Object.fromEntries(
    fields.map(({ 1: name = '', 2: value = '' }) => [name.toLowerCase(), value]),
  )
  const body = received.subarray(end + 4)
  if (body.length < Number(headers['content-length'] ?? 0)) return null
  return { head, headers, body: body.toString('utf8') }
}
