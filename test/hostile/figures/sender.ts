/** An engine with endpoints at receivers of another process. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import * as z from 'zod'
import {
  type Attempt,
  createWebhooks,
  defineEvents,
  httpTransport,
  memoryStorage,
} from '../../../src/index.ts'
import {
  type MisbehavingReceiver,
  type Misbehaviour,
  misbehavingReceiver,
} from '../../../src/testing/index.ts'

const events = defineEvents({ 'order.paid': z.object({ orderId: z.string() }) })

type Reachable = Pick<MisbehavingReceiver, 'url' | 'certificateAuthority'>

/** Starts receivers, all but those whose misbehaviour is a name in a process of their own. */
export async function startReceivers(kinds: readonly Misbehaviour[]) {
  const named = kinds.filter((kind) => kind.startsWith('name '))
  const local = await Promise.all(named.map((kind) => misbehavingReceiver(kind)))
  const child = fork(new URL('./receivers.ts', import.meta.url))
  child.send(kinds.filter((kind) => !kind.startsWith('name ')))
  const [remote] = (await once(child, 'message')) as [Reachable[]]
  const lookups = new Map(local.map(({ url, lookup }) => [new URL(url).hostname, lookup]))

  return {
    all: [...remote, ...local] as Reachable[],
    lookup: async (hostname: string) => {
      const lookup = lookups.get(hostname)
      if (lookup === undefined) throw new Error(`Nobody is named ${hostname}`)
      return lookup(hostname)
    },
    async close(): Promise<void> {
      await Promise.all(local.map((receiver) => receiver.close()))
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

/** Starts an engine with an endpoint at each receiver, all of them called at once. */
export async function startSender(
  { all, lookup }: Awaited<ReturnType<typeof startReceivers>>,
  limits: { timeoutMs: number; connectTimeoutMs: number },
) {
  const authorities = new Set(all.map(({ certificateAuthority }) => certificateAuthority))
  const webhooks = createWebhooks({
    events,
    storage: memoryStorage(),
    retry: { delaysMs: [0, 3_600_000], jitter: 0 },
    limits: { ...limits, inFlight: all.length },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    transport: httpTransport({
      addressGuard: { allow: ['127.0.0.1'], lookup },
      certificateAuthorities: [...authorities],
    }),
  })
  await webhooks.start()
  for (const { url } of all) await webhooks.endpoints.create({ url, events: ['*'] })

  /** Emits an event to all of them. @returns How long each first attempt took. */
  function send(): Promise<number[]> {
    return new Promise((resolve, reject) => {
      const took = new Map<string, number>()
      const note = ({ attempt }: { attempt: Attempt }) => {
        if (!took.has(attempt.deliveryId)) took.set(attempt.deliveryId, attempt.durationMs)
        if (took.size < all.length) return
        for (const stop of stops) stop()
        resolve([...took.values()])
      }
      const stops = (
        ['delivery.succeeded', 'delivery.attempt.failed', 'delivery.failed'] as const
      ).map((name) => webhooks.on(name, note))
      webhooks.emit('order.paid', { orderId: 'o-1' }).catch(reject)
    })
  }

  return { webhooks, send }
}

/** Hands the figures of this process to the one that started it. */
export function report(figures: Record<string, number>): void {
  console.log(JSON.stringify(figures))
}
