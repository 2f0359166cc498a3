/**
 * The other side of the quickstart, in a process of its own: takes webhooks as a customer's server
 * would, and believes only what the public `standardwebhooks` package verifies.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'

/** What the quickstart tells this process. */
export interface ReceiverEndpoint {
  path: string
  secret: string
  /** The first event meets an outage: so many of its requests are answered with 503. */
  outage: number
}

/** What this process tells the quickstart. */
export type ReceiverMessage =
  | { type: 'listening'; url: string }
  | { type: 'ready'; path: string }
  | { type: 'verified'; id: string }
  | { type: 'refused'; reason: string }

const endpoints = new Map<string, ReceiverEndpoint & { firstId?: string }>()

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const endpoint = endpoints.get(request.url ?? '')
  if (endpoint === undefined) return void response.writeHead(404).end()

  const id = String(request.headers['webhook-id'])
  try {
    const headers = request.headers as Record<string, string>
    new Webhook(endpoint.secret).verify(await text(request), headers)
  } catch (error) {
    report({ type: 'refused', reason: String(error) })
    return void response.writeHead(400).end()
  }
  report({ type: 'verified', id })

  endpoint.firstId ??= id
  if (id === endpoint.firstId && endpoint.outage > 0) {
    endpoint.outage--
    return void response.writeHead(503, { 'retry-after': '1' }).end()
  }
  response.writeHead(204).end()
}

function report(message: ReceiverMessage): void {
  process.send?.(message)
}

process.on('message', (endpoint: ReceiverEndpoint) => {
  endpoints.set(endpoint.path, endpoint)
  report({ type: 'ready', path: endpoint.path })
})
process.on('disconnect', () => process.exit())

const server = createServer(receive).listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  report({ type: 'listening', url: `http://127.0.0.1:${port}` })
})
