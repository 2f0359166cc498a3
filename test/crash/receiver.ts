/**
 * The receiver, in a process of its own that nobody kills: notes every request before it answers,
 * verifies it as a customer would, and answers like one: soon, late, with an error, or not at all.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { Journal, type Receipt } from './journal.ts'

/** How the receiver behaves; shares are of all requests. */
export interface ReceiverTask {
  folder: string
  seed: number
  /** Answers come after 0 to so many milliseconds. */
  slowestMs: number
  /** Answered with 500. */
  errors: number
  /** Never answered. */
  silences: number
}

/** What the receiver is told once its endpoints exist. */
export interface ReceiverEndpoint {
  url: string
  secret: string
}

/** What the receiver tells. */
export type ReceiverMessage =
  | { type: 'listening'; origin: string }
  | { type: 'added' }
  /** How many requests have come to which URLs since it told last. */
  | { type: 'received'; counts: Record<string, number> }

const task = JSON.parse(process.env.CRASH_RECEIVER ?? '') as ReceiverTask
const journal = new Journal<Receipt>(task.folder, 'receiver')
const random = seededRandom(task.seed)
const secrets = new Map<string, string>()
let origin = ''
let count = 0
let untold: Record<string, number> = {}

function tell(message: ReceiverMessage): void {
  process.send?.(message)
}

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request)
  const number = count++
  const status = chooseStatus()
  const url = `${origin}${request.url}`
  untold[url] = (untold[url] ?? 0) + 1
  journal.write({
    number,
    at: Date.now(),
    url,
    eventId: String(request.headers['webhook-id']),
    bodyHash: createHash('sha256').update(body).digest('hex'),
    sender: String(request.headers['user-agent']),
    verified: isVerified(url, body, request),
    status,
  })
  await sleep(random.next() * task.slowestMs)
  if (status !== 0) response.writeHead(status, { 'x-receipt': String(number) }).end()
}

function chooseStatus(): number {
  const draw = random.next()
  if (draw < task.silences) return 0
  return draw < task.silences + task.errors ? 500 : 200
}

function isVerified(url: string, body: string, request: IncomingMessage): boolean {
  try {
    const headers = request.headers as Record<string, string>
    new Webhook(secrets.get(url) ?? '').verify(body, headers)
    return true
  } catch {
    return false
  }
}

process.on('message', (endpoints: ReceiverEndpoint[]) => {
  for (const { url, secret } of endpoints) secrets.set(url, secret)
  tell({ type: 'added' })
})
process.on('disconnect', () => process.exit())

const server = createServer((request, response) => {
  // A sender that was killed in the middle of its request leaves nothing to note.
  receive(request, response).catch(() => response.destroy())
})
// Longer than the sender keeps an idle connection: no request crosses a closing one.
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  tell({ type: 'listening', origin })
})
setInterval(() => {
  if (Object.keys(untold).length > 0) tell({ type: 'received', counts: untold })
  untold = {}
}, 5)
