/**
 * Run inside a project that has the packed library installed, on the Node under test: loads every
 * entry in both forms, and delivers for real. Says "ok" at the end.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

const require = createRequire(import.meta.url)
const library = '@ainexlayer/webhooks'
const { exports } = require(`${library}/package.json`)
/** Entries that need an optional peer, which is not installed here. */
const optional = { './opentelemetry': '@opentelemetry/api' }
const entries = Object.keys(exports)
  .filter((entry) => entry !== './package.json' && !(entry in optional))
  .map((entry) => `${library}${entry.slice(1)}`)

assert.ok(entries.length >= 5, entries.join())
for (const entry of entries) {
  const names = Object.keys(await import(entry)).sort()
  assert.ok(names.length > 0, entry)
  assert.deepEqual(Object.keys(require(entry)).sort(), names, entry)
}

for (const [entry, peer] of Object.entries(optional)) {
  const name = `${library}${entry.slice(1)}`
  const namesPeer = (error) => error.message.includes(peer)
  await assert.rejects(import(name), namesPeer, 'a missing peer is named')
  assert.throws(() => require(name), namesPeer, 'a missing peer is named')
}

const { isWebhooksError } = await import(library)
const { WebhooksError } = require(library)
assert.ok(
  isWebhooksError(new WebhooksError('conflict', '')),
  'errors know each other in both forms',
)

for (const load of [(name) => import(name), (name) => require(name)]) {
  const { memoryStorage } = await load(library)
  const { sqliteStorage } = await load(`${library}/sqlite`)
  await deliver(load, memoryStorage())
  await deliver(load, sqliteStorage({ path: `webhooks-${process.version}-${Math.random()}.db` }))
}

for (const load of [(name) => import(name), (name) => require(name)]) {
  const { createWebhooks, memoryStorage } = await load(library)
  const { bullmqScheduler } = await load(`${library}/bullmq`)
  const { ainexlayerEvents } = await load(`${library}/ainexlayer`)
  const scheduler = bullmqScheduler({ connection: {} })
  const webhooks = createWebhooks({ events: ainexlayerEvents, storage: memoryStorage(), scheduler })
  // Nobody has installed BullMQ here.
  await assert.rejects(webhooks.start(), { code: 'driver_missing', message: /npm install bullmq/ })
  await webhooks.stop()
}
console.log(`${process.version}\nok`)

async function deliver(load, storage) {
  const { createWebhooks } = await load(library)
  const { ainexlayerEvents, ainexlayerExamples } = await load(`${library}/ainexlayer`)
  const { verify } = await load(`${library}/receiver`)

  let secret = ''
  const received = []
  const receiver = createServer(async (request, response) => {
    const event = await verify(await text(request), request.headers, secret).catch(String)
    received.push(event)
    response.writeHead(received.length === 1 ? 500 : 204).end()
  }).listen(0, '127.0.0.1')
  await once(receiver, 'listening')

  const webhooks = createWebhooks({
    events: ainexlayerEvents,
    storage,
    addressGuard: { allow: ['127.0.0.0/8'] },
    retry: { delaysMs: [0, 10] },
  })
  await webhooks.start()
  const url = `http://127.0.0.1:${receiver.address().port}/`
  const endpoint = await webhooks.endpoints.create({ url, events: ['document.*'] })
  secret = endpoint.secret
  const { id } = await webhooks.emit('document.processed', ainexlayerExamples['document.processed'])
  await webhooks.emit('user.login', ainexlayerExamples['user.login'])

  const giveUpAt = Date.now() + 20_000
  while ((await webhooks.stats()).backlog > 0 && Date.now() < giveUpAt) await sleep(10)
  const log = await webhooks.deliveries.list()
  const [delivery] = log.items
  assert.equal(log.total, 1)
  assert.equal(delivery.status, 'succeeded')
  assert.equal(delivery.eventId, id)
  const attempts = await webhooks.deliveries.attempts(delivery.id)
  assert.deepEqual(
    attempts.map((attempt) => attempt.response?.status),
    [500, 204],
  )
  assert.deepEqual(
    received.map((event) => [event.type, event.data]),
    Array(2).fill(['document.processed', ainexlayerExamples['document.processed']]),
  )
  await webhooks.stop()
  receiver.close()
}
