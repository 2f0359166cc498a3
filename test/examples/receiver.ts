import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'

export interface Received {
  headers: Record<string, string>
  body: string
}

/** A customer's server on loopback, which keeps what it gets. */
export async function startReceiver() {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    received.push({ headers: request.headers as Received['headers'], body: await text(request) })
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    received,
    /** What the public reference library makes of everything that came; throws at a forgery. */
    verified(secret: string) {
      const webhook = new Webhook(secret)
      return received.map(
        ({ body, headers }) => webhook.verify(body, headers) as { type: string; data: unknown },
      )
    },
    close: () => server.close(),
  }
}
