import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type HttpTransportOptions, httpTransport } from '../../src/transport/http.ts'

/** A receiver in a thread of its own: it goes on while this one stands still. */
const receiver = `
  const { createServer } = require('node:http')
  const { parentPort } = require('node:worker_threads')
  const server = createServer((request, response) => {
    if (request.url === '/silent') return
    setTimeout(() => response.end('ok'), 100)
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`
let thread: Worker
let origin: string

beforeAll(async () => {
  thread = new Worker(receiver, { eval: true })
  const [port] = await once(thread, 'message')
  origin = `http://127.0.0.1:${port}`
})
afterAll(() => thread.terminate())

const ways: [string, HttpTransportOptions][] = [
  ['our own connections', {}],
  ['a fetch of the host', { fetch: globalThis.fetch }],
]

/** Sends with a time-out of 300 ms, and stands still from the moment the request is on its way. */
async function sendAndStandStill(options: HttpTransportOptions, path: string, durationMs: number) {
  const sender = httpTransport({ addressGuard: { allow: ['127.0.0.1'] }, ...options })
  const sent = sender.send({
    ...{ url: `${origin}${path}`, headers: {}, body: '{}' },
    ...{ timeoutMs: 300, connectTimeoutMs: 300, maxResponseBytes: 100 },
    signal: new AbortController().signal,
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  // From here on, timers come before what has arrived.
  await new Promise((resolve) => setImmediate(resolve))
  const endsAt = performance.now() + durationMs
  while (performance.now() < endsAt);
  const result = await sent
  await sender.close()
  return result
}

test.each(ways)(
  'an answer that came over %s while the process stood still is one',
  async (_, options) => {
    const { response } = await sendAndStandStill(options, '/', 1_600)
    expect(response?.status).toBe(200)
  },
)

test.each(ways)(
  'nobody else is blamed over %s for what a process that stood still cannot know',
  async (_, options) => {
    const { error } = await sendAndStandStill(options, '/silent', 1_600)
    expect(error).toEqual({
      code: 'timeout',
      message: 'No answer within 300 ms, in which this process stood still',
      origin: 'sender',
    })
  },
)

test.each(ways)(
  'who is silent over %s is blamed by a process that was awake',
  async (_, options) => {
    const { error } = await sendAndStandStill(options, '/silent', 0)
    expect(error).toMatchObject({ code: 'timeout', origin: 'receiver' })
  },
)
