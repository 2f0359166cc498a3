import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'

/** A fetch handler that also takes the Node request. */
type NodeFetch<Incoming> = (request: Request, incoming: Incoming) => Promise<Response>

/** A request as frameworks leave it: with a body that they have read already. */
interface ReadAlready {
  /** Parsed (Express) or as it came. */
  body?: unknown
  /** The bytes as they came, where the framework keeps them. */
  rawBody?: unknown
}

/**
 * Turns a fetch handler into a listener for `node:http`, Express and Fastify. The handler gets the
 * framework's own request as its context, so that `authorize` can read what earlier middleware put
 * there. It makes no difference whether a body parser ran before.
 *
 * @example
 * http.createServer(nodeListener(api))
 * app.use('/api/v1/webhooks', nodeListener(api)) // Express
 */
export function nodeListener<Incoming extends IncomingMessage = IncomingMessage>(
  handler: NodeFetch<Incoming>,
): (incoming: Incoming, outgoing: ServerResponse) => Promise<void> {
  const listener = getRequestListener(
    (request, { incoming }) => handler(request, incoming as unknown as Incoming),
    { overrideGlobalObjects: false },
  )
  return (incoming, outgoing) => {
    keepBody(incoming as ReadAlready & Incoming)
    return listener(incoming, outgoing)
  }
}

/** Puts a body that was read already to where the adapter looks for it. */
function keepBody(incoming: ReadAlready & IncomingMessage): void {
  if (!incoming.readableDidRead || incoming.rawBody instanceof Buffer) return
  const { body } = incoming
  if (body === undefined) return
  incoming.rawBody =
    body instanceof Uint8Array || typeof body === 'string'
      ? Buffer.from(body as string)
      : Buffer.from(JSON.stringify(body))
}
