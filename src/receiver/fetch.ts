import { answerHeaders, methodNotAllowed, type ReceiverAnswer } from './answer.ts'
import { readFetchBody } from './raw-body.ts'
import type { Entrance, Receiver } from './receiver.ts'

/** The fetch handler of a receiver. */
export function fetchHandler({ receive, refuse, maxBodyBytes }: Entrance): Receiver['fetch'] {
  return async (request, context) => {
    if (request.method !== 'POST') return responseOf(methodNotAllowed, { allow: 'POST' })
    let body: Uint8Array
    try {
      body = await readFetchBody(request, maxBodyBytes)
    } catch (error) {
      return responseOf(refuse(error))
    }
    // Bound, because a Worker's `waitUntil` wants its `this`.
    const waitUntil = context?.waitUntil?.bind(context)
    return responseOf(await receive({ body, headers: request.headers, waitUntil }))
  }
}

function responseOf({ status, text }: ReceiverAnswer, headers = {}): Response {
  if (text === '') return new Response(null, { status })
  return new Response(text, { status, headers: { ...answerHeaders, ...headers } })
}
