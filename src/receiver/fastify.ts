import { answerHeaders } from './answer.ts'
import { type NodeRequest, readNodeBody } from './raw-body.ts'
import type { Entrance } from './receiver.ts'
import type { WebhookBody } from './verify.ts'

/** What we use of a Fastify instance. */
export interface FastifyScope {
  removeAllContentTypeParsers(): void
  addContentTypeParser(
    contentType: string,
    parser: (request: unknown, payload: unknown, done: (error: null) => void) => void,
  ): unknown
  post(
    path: string,
    handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
  ): unknown
}

interface FastifyRequest {
  raw: NodeRequest
  rawBody?: unknown
  headers: NodeRequest['headers']
}

interface FastifyReply {
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(text?: string): unknown
}

/**
 * A plugin for Fastify. What it does to content types ends with it: Fastify gives each plugin a
 * scope of its own.
 */
export function fastifyPlugin({ receive, refuse, maxBodyBytes }: Entrance) {
  return async (scope: FastifyScope, _options: object): Promise<void> => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))

    scope.post('/', async (request, reply) => {
      let body: WebhookBody
      try {
        body = await readNodeBody(rawOf(request), maxBodyBytes)
      } catch (error) {
        reply.headers({ connection: 'close' })
        return answer(reply, refuse(error))
      }
      return answer(reply, await receive({ body, headers: request.headers }))
    })
  }

  function answer(reply: FastifyReply, { status, text }: { status: number; text: string }) {
    reply.code(status)
    if (text === '') return reply.send()
    reply.headers(answerHeaders)
    return reply.send(text)
  }
}

/** A plugin such as fastify-raw-body reads the stream before us, and keeps the bytes. */
function rawOf({ raw, rawBody }: FastifyRequest): NodeRequest {
  if (rawBody !== undefined) raw.rawBody = rawBody
  return raw
}
