import type { IncomingMessage } from 'node:http'

/** What the receiver behind answered; `error` if it gave none. */
export interface Forwarded {
  status: number
  headers: Record<string, string>
  body: Uint8Array
  error: string | null
}

/** Headers of one connection, and not of the message (RFC 9110, section 7.6.1). */
const ofConnection = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const timeoutMs = 30_000
const mostBytes = 65_536

/** Passes a request on with the same bytes and headers, so that its signature holds there too. */
export async function forward(
  url: string,
  { method = 'POST', headers }: IncomingMessage,
  body: Uint8Array,
): Promise<Forwarded> {
  try {
    const response = await fetch(url, {
      method,
      headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
        ofConnection.has(name) ? [] : [[name, [value ?? ''].flat().join(', ')]],
      ),
      body: method === 'GET' || method === 'HEAD' ? null : new Uint8Array(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    const kept = [...response.headers].filter(([name]) => !isDropped(name))
    return {
      status: response.status,
      headers: Object.fromEntries(kept),
      body: await readBeginning(response),
      error: null,
    }
  } catch (error) {
    const { message, cause } = error as Error
    const reason = cause instanceof Error ? cause.message : message
    return { status: 502, headers: {}, body: Buffer.alloc(0), error: reason }
  }
}

/** The beginning of an answer, which is all that anybody looks at. */
async function readBeginning(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= mostBytes) break
  }
  return Buffer.concat(chunks)
}

/** What is read is decoded. */
function isDropped(name: string): boolean {
  return ofConnection.has(name) || name === 'content-encoding'
}
