/**
 * The loopback receiver of every benchmark, in a process of its own: answers 200 to everything,
 * counts, and says when the number of requests that it was told to expect has come. Below `/dead`
 * it answers nothing, and does not count.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monotonicMs } from './clock.ts'
import { answerCalls } from './rpc.ts'

export type ReceiverCalls = typeof calls

/** What came since the last `expect`. */
interface Received {
  requests: number
  /** Requests whose `webhook-id` and path had come before. */
  repeated: number
  /** When the first of them came, by `monotonicMs`. */
  firstAtMs: number
}

let expected = Number.POSITIVE_INFINITY
let seen = new Set<string>()
let requests = 0
let firstAtMs = Number.NaN
/** From the `sentAtMs` of each payload until it came; `null` where nobody asked. */
let latenciesMs: number[] | null = null
let reached = (): void => {}
let done: Promise<void> = Promise.resolve()

function answer(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '0' })
  response.end()
  requests++
  if (requests === expected) reached()
}

const server = createServer((request, response) => {
  if (request.url?.startsWith('/dead')) return
  if (requests === 0) firstAtMs = monotonicMs()
  seen.add(`${request.headers['webhook-id']}${request.url}`)
  if (latenciesMs) void noteLatency(request, latenciesMs)
  else request.resume()
  request.on('end', () => answer(response))
})
server.keepAliveTimeout = 60_000

async function noteLatency(request: IncomingMessage, into: number[]): Promise<void> {
  const nowMs = monotonicMs()
  let body = ''
  for await (const chunk of request) body += String(chunk)
  const { data } = JSON.parse(body) as { data: { sentAtMs: number } }
  into.push(nowMs - data.sentAtMs)
}

const calls = {
  /** Listens, and tells where. */
  async listen() {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
  },
  /** Counts from zero; `received` then resolves when that many requests have come. */
  async expect({ count, latencies = false }: { count: number; latencies?: boolean }) {
    seen = new Set()
    requests = 0
    firstAtMs = Number.NaN
    latenciesMs = latencies ? [] : null
    expected = count
    done = new Promise((resolve) => {
      reached = resolve
    })
  },
  received: () => done,
  async count(): Promise<Received> {
    return { requests, repeated: requests - seen.size, firstAtMs }
  },
  latencies: async () => latenciesMs ?? [],
}

answerCalls(calls)
