import { answerHeaders, methodNotAllowed, type ReceiverAnswer } from './answer.ts'
import { type NodeRequest, readNodeBody } from './raw-body.ts'
import type { Entrance } from './receiver.ts'
import type { WebhookBody } from './verify.ts'

/** What we use of a response of node:http or Express. */
export interface NodeResponse {
  statusCode: number
  setHeader(name: string, value: string): unknown
  end(text?: string): unknown
}

/** A handler for Express and node:http. */
export function expressHandler({ receive, refuse, maxBodyBytes }: Entrance) {
  return async (request: NodeRequest, response: NodeResponse): Promise<void> => {
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      return send(response, methodNotAllowed)
    }
    let body: WebhookBody
    try {
      body = await readNodeBody(request, maxBodyBytes)
    } catch (error) {
      // What is left of the body is not worth a connection.
      response.setHeader('connection', 'close')
      send(response, refuse(error))
      request.resume()
      return
    }
    send(response, await receive({ body, headers: request.headers }))
  }
}

function send(response: NodeResponse, { status, text }: ReceiverAnswer): void {
  response.statusCode = status
  if (text !== '') {
    for (const [name, value] of Object.entries(answerHeaders)) response.setHeader(name, value)
  }
  response.end(text)
}
