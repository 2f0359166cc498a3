/** A hundred names whose name servers are dead: what the host's own look-ups suffer. */
import dgram from 'node:dgram'
import dns from 'node:dns/promises'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpTransport } from '../../../src/index.ts'
import { createResolver } from '../../../src/transport/resolver.ts'
import { requestTo } from '../request.ts'
import { report } from './sender.ts'

const endpoints = 100
/** More than the look-ups take, also on a machine that halts for seconds: they are to end by themselves. */
const patience = { timeoutMs: 30_000, connectTimeoutMs: 30_000 }

const dead = dgram.createSocket('udp4')
let queries = 0
dead.on('message', () => queries++)
dead.bind(0, '127.0.0.1')
await once(dead, 'listening')

const lookup = createResolver([`127.0.0.1:${dead.address().port}`])
const transport = httpTransport({ addressGuard: { lookup } })
await dns.lookup('localhost')

/** @returns The slowest of the host's own look-ups while all those names are asked for. */
async function round(): Promise<number> {
  let isOver = false
  const results = Promise.all(
    Array.from({ length: endpoints }, (_, number) =>
      transport.send({ ...requestTo(`http://dead-${number}.test/`), ...patience }),
    ),
  ).finally(() => {
    isOver = true
  })
  let slowestMs = 0
  while (!isOver) {
    const startedAt = performance.now()
    await dns.lookup('localhost')
    slowestMs = Math.max(slowestMs, performance.now() - startedAt)
    await sleep(10)
  }
  for (const { error } of await results) {
    if (error?.code === 'dns_failed') continue
    throw new Error(`A look-up ended with ${error?.code ?? 'an answer'}: nothing is measured`)
  }
  return slowestMs
}

// A busy machine delays some look-up in some round; a queue behind dead names delays one in each.
let slowestMs = Number.POSITIVE_INFINITY
for (let left = 4; left > 0; left--) slowestMs = Math.min(slowestMs, await round())
await transport.close()
dead.close()
if (queries < endpoints) throw new Error('The dead name server was not asked: nothing is measured')
report({ endpoints, slowestMs })
