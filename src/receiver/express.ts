import { answerHeaders, methodNotAllowed, type ReceiverAnswer } from './answer.ts'
import { type NodeRequest, readNodeBody } from './raw-body.ts'
import type { Entrance } from './receiver.ts'
import type { WebhookBody } from './verify.ts'

/** What we use of a response of node:http or Express. */
export interface NodeResponse {
  statusCode: number
  headersSent?: boolean
  setHeader(name: string, value: string): unknown
  end(text?: string): unknown
}

/** A handler for Express and node:http. */
export function expressHandler({ receive, refuse, maxBodyBytes }: Entrance) {
  return async (request: NodeRequest, response: NodeResponse): Promise<void> => {
    if (request.method !== 'POST') return send(response, methodNotAllowed, { allow: 'POST' })
    let body: WebhookBody
    try {
      body = await readNodeBody(request, maxBodyBytes)
    } catch (error) {
      // What is left of the body is not worth a connection.
      send(response, refuse(error), { connection: 'close' })
      request.resume()
      return
    }
    send(response, await receive({ body, headers: request.headers }))
  }
}

function send(
  response: NodeResponse,
  { status, text }: ReceiverAnswer,
  headers: Record<string, string> = {},
): void {
  // Others may have answered meanwhile, such as a middleware with a time-out.
  if (response.headersSent) return
  response.statusCode = status
  const all = text === '' ? headers : { ...headers, ...answerHeaders }
  for (const [name, value] of Object.entries(all)) response.setHeader(name, value)
  response.end(text)
}
