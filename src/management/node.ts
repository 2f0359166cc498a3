import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { problemResponse } from './problem.ts'

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
 * there. A body parser may have run before, if it left what it read (`request.body` or `rawBody`); else
 * the answer is 500, and the process warning `WEBHOOKS_BODY_LOST` says so.
 *
 * @example
 * http.createServer(nodeListener(api))
 * app.use('/api/v1/webhooks', nodeListener(api)) // Express
 */
export function nodeListener<Incoming extends IncomingMessage = IncomingMessage>(
  handler: NodeFetch<Incoming>,
): (incoming: Incoming, outgoing: ServerResponse) => Promise<void> {
  const listener = getRequestListener(
    (request, { incoming }) =>
      isBodyLost(incoming as IncomingMessage)
        ? refuseLostBody()
        : handler(request, incoming as unknown as Incoming),
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

/** Whether a body was read and nothing of it was kept: Fastify's parsers do so with their `raw`. */
function isBodyLost(incoming: ReadAlready & IncomingMessage): boolean {
  const { headers, readableDidRead, rawBody } = incoming
  const had = Number(headers['content-length'] ?? 0) > 0 || 'transfer-encoding' in headers
  return had && readableDidRead && !(rawBody instanceof Buffer)
}

function refuseLostBody(): Response {
  process.emitWarning(
    'A body parser has read a request before the management API and left nothing of it. Mount the ' +
      'API before the parser, or take the parser off its routes.',
    { code: 'WEBHOOKS_BODY_LOST' },
  )
  return problemResponse(new Error('The body is lost'))
}
