/**
 * The loopback receiver of every benchmark, in a process of its own: answers 200 to everything,
 * counts, and says when the number of requests that it was told to expect has come.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerCalls } from './rpc.ts'

export type ReceiverCalls = typeof calls

/** What came since the last `expect`. */
interface Received {
  requests: number
  /** Requests whose `webhook-id` and path had come before. */
  repeated: number
}

let expected = Number.POSITIVE_INFINITY
let seen = new Set<string>()
let requests = 0
let reached = (): void => {}
let done: Promise<void> = Promise.resolve()

function answer(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '0' })
  response.end()
  requests++
  if (requests === expected) reached()
}

const server = createServer((request, response) => {
  seen.add(`${request.headers['webhook-id']}${request.url}`)
  request.resume()
  request.on('end', () => answer(response))
})
server.keepAliveTimeout = 60_000

const calls = {
  /** Listens, and tells where. */
  async listen() {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
  },
  /** Counts from zero; `received` then resolves when that many requests have come. */
  async expect({ count }: { count: number }) {
    seen = new Set()
    requests = 0
    expected = count
    done = new Promise((resolve) => {
      reached = resolve
    })
  },
  received: () => done,
  async count(): Promise<Received> {
    return { requests, repeated: requests - seen.size }
  },
}

answerCalls(calls)
