/**
 * A process of its own on a shared file, for processes.test.ts. Reads what to do from its
 * arguments, says that it is ready, begins when told to, and prints one JSON value per line.
 */
import { once } from 'node:events'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import type { NewEvent } from '../../../src/storage/storage.ts'

const [path = '', task = '', name = ''] = process.argv.slice(2)
const storage = sqliteStorage({ path })
print('ready')
await once(process.stdin, 'data')
process.stdin.destroy()
await storage.open()
const now = new Date('2030-01-01T00:01:00.000Z')
const room = { limit: 5, perEndpoint: 5, inFlight: new Map<string, number>(), probeFrom: 10 }
let last = 0

const tasks: Record<string, () => Promise<void>> = {
  /** Opens and inserts one event. */
  async open() {
    const [answer] = await storage.insertEvents({ events: [event()] })
    print(answer?.id)
  },

  /** Claims until nothing is left, and prints the ids. */
  async claim() {
    for (;;) {
      const { deliveries } = await storage.claimDeliveries({ ...lease(), ...room })
      if (deliveries.length === 0) break
      print(deliveries.map((delivery) => delivery.id))
    }
  },

  /** Claims events until none is left, and prints the ids. */
  async claimEvents() {
    for (;;) {
      const events = await storage.claimEvents({ ...lease(), limit: 7 })
      if (events.length === 0) break
      print(events.map(({ id }) => id))
    }
  },

  /** Inserts the same hundred keys as the others, and prints who stands. */
  async keys() {
    for (let key = 0; key < 100; key += 1) {
      const [answer] = await storage.insertEvents({ events: [event(`key-${key}`)] })
      print(answer)
    }
  },

  /** Emits until it is killed, and prints each id once it counts as durable. */
  async emit() {
    for (;;) {
      const answers = await storage.insertEvents({ events: [event(), event(), event()] })
      print(answers.map(({ id }) => id))
    }
  },
}

await tasks[task]?.()
await storage.close()

function lease() {
  last += 1
  const leaseUntil = new Date(now.getTime() + 600_000)
  return { now, leaseToken: `lease_${name}_${last}`, leaseUntil }
}

function event(idempotencyKey: string | null = null): NewEvent {
  last += 1
  return {
    id: `evt_${name}_${String(last).padStart(9, '0')}`,
    tenantId: 'tenant',
    type: 'document.processed',
    body: '{}',
    channels: [],
    idempotencyKey,
    traceparent: null,
    createdAt: now,
    fanOut: true,
    lease: null,
  }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
