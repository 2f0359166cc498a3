/** A process that emits, works, or both, until it is done, told to stop, or killed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhooks, httpTransport, isWebhooksError, type Logger } from '../../src/index.ts'
import type { Settlement } from '../../src/storage/storage.ts'
import { type CrashPoint, dieAt } from './crash-points.ts'
import { CrashEmitter, type EmitterTask, readLane } from './emitter.ts'
import { type EmitterEntry, Journal, type Pair, type WorkerEntry } from './journal.ts'
import { breakPorts, type Mutant } from './mutants.ts'
import { override, type Ports } from './ports.ts'
import { type CrashScheduler, openScheduler } from './schedulers.ts'
import { type CrashStoreName, crashStores } from './stores/index.ts'
import { instanceOptions } from './world.ts'

/** What a child process is for. */
export interface ChildTask {
  /** Unique per process; it is also the `user-agent` of its requests. */
  name: string
  folder: string
  store: CrashStoreName
  location: string
  works: boolean
  emits?: (EmitterTask & { predecessors: string[] }) | undefined
  /** Whether it ends once it has emitted everything, and does not work on until it is told to stop. */
  leaves?: boolean | undefined
  /** Default: polling. */
  scheduler?: CrashScheduler | undefined
  crashPoint?: CrashPoint | undefined
  mutant?: Mutant | undefined
}

const task = JSON.parse(process.env.CRASH_CHILD ?? '') as ChildTask
const journal = new Journal<WorkerEntry>(task.folder, task.name)
const store = crashStores[task.store]

/** Notes what goes out and what is settled, so that it is known what was in flight at a kill. */
function noteTraffic<Parts extends Ports>(parts: Parts): Parts {
  const { storage, transport } = parts
  return {
    ...parts,
    transport: override(transport, {
      send(request) {
        const eventId = request.headers['webhook-id'] ?? ''
        journal.write({ sending: { eventId, url: request.url } })
        return transport.send(request)
      },
    }),
    storage: override(storage, {
      async settleDeliveries(params) {
        const accepted = new Set(await storage.settleDeliveries(params))
        noteSettled(params.settlements, accepted)
        return [...accepted]
      },
      async fanOut(params) {
        const answer = await storage.fanOut(params)
        noteSettled(params.settlements ?? [], new Set(answer.settled))
        return answer
      },
    }),
  }
}

function noteSettled(settlements: Settlement[], accepted: Set<string>): void {
  const settled = settlements.filter(({ id }) => accepted.has(id))
  if (settled.length > 0) journal.write({ settled: settled.map(pairOf) })
}

function pairOf({ attempt: { eventId, url } }: Settlement): Pair {
  return { eventId, url }
}

const complain = (details: object, message: string) =>
  journal.write({ complaint: `${message} ${JSON.stringify(details)}` })
const logger: Logger = { debug() {}, info() {}, warn: complain, error: complain }

/** A supervisor would start the process again until its database is there. */
async function startWhenReachable(webhooks: { start(): Promise<void> }): Promise<void> {
  try {
    await webhooks.start()
  } catch (error) {
    const isDown =
      isWebhooksError(error, 'storage_unreachable') || isWebhooksError(error, 'storage_failed')
    if (!isDown) throw error
    await sleep(100)
    await startWhenReachable(webhooks)
  }
}

async function run(): Promise<void> {
  const connection = await store.connect(task.location)
  const transport = httpTransport({ addressGuard: instanceOptions.addressGuard })
  let parts = { connection, storage: connection.storage, transport }
  if (task.crashPoint !== undefined) parts = dieAt(task.crashPoint, store, parts)
  if (task.mutant !== undefined) parts = breakPorts(task.mutant, parts)
  parts = noteTraffic(parts)

  const { addressGuard: _, ...options } = instanceOptions
  const { scheduler, close } = await openScheduler(task.scheduler ?? { kind: 'polling' })
  const webhooks = createWebhooks({
    ...options,
    storage: parts.storage,
    transport: parts.transport,
    scheduler,
    userAgent: task.name,
    logger,
  })
  const stopped = new Promise<void>((resolve) => process.once('message', () => resolve()))
  if (task.works) await startWhenReachable(webhooks)
  if (task.emits !== undefined) {
    const { predecessors, ...emits } = task.emits
    const emitted = new Journal<EmitterEntry>(task.folder, `${task.name}.emitter`)
    const emitter = new CrashEmitter({
      task: emits,
      webhooks,
      connection: parts.connection,
      journal: emitted,
    })
    await emitter.run(readLane(task.folder, predecessors))
  }
  if (task.works && !task.leaves) await stopped
  await webhooks.stop()
  await close()
  await connection.close()
}

process.on('disconnect', () => process.exit())
await run()
process.exit()
