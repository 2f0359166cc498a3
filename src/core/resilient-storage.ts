import pRetry from 'p-retry'
import { isWebhooksError, WebhooksError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import type { Storage } from '../storage/storage.ts'
import { settlesWithin } from './deadline.ts'
import type { PayloadRedaction } from './redaction/payload-redaction.ts'
import { storageFault } from './storage-fault.ts'

/** How often a storage call is repeated, and how long the first wait is; it doubles each time. */
interface Persistence {
  retries: number
  firstWaitMs: number
  /** How long it may take with its repetitions, if not {@link longestCallMs}. */
  longestMs?: number
}

/**
 * How long a call may take, with its repetitions: on a connection that was cut without a word it
 * would take for ever. Half of a lease by default: what is claimed later is given back anyway.
 */
const longestCallMs = 30_000

/**
 * Calls whose failure would be felt, and which are safe to repeat: an event id counts as inserted
 * the second time, and a settlement without its lease does nothing. Everything else fails at once:
 * the worker looks again by itself, and a caller is told.
 *
 * A settlement is worth the longest wait, also one that comes with its fan-out: what is lost is sent
 * twice.
 */
const persistence: { [Method in keyof Storage]?: Persistence } = {
  insertEvents: { retries: 2, firstWaitMs: 50 },
  fanOut: { retries: 6, firstWaitMs: 100, longestMs: 120_000 },
  settleDeliveries: { retries: 6, firstWaitMs: 100, longestMs: 120_000 },
}

/** Calls that nobody but their caller waits for, and that may have millions of rows to look at. */
const unhurried: ReadonlySet<string> = new Set<keyof Storage>(['prune', 'stats'])

/**
 * The storage as the engine sees it. It opens on first use and again after a failure to open,
 * refuses calls once closed, rides out passing faults where that helps, gives up a call that is not
 * answered, and turns what remains into a `WebhooksError`, with the code and the way out that the
 * storage knows for it (else `storage_failed`) and a copy of the driver's error as its cause.
 */
export function resilientStorage(
  storage: Storage<unknown>,
  {
    clock,
    redaction,
    onFault = () => {},
  }: {
    clock: Clock
    redaction: PayloadRedaction
    /** Is called with the method's name at each fault, also before a repetition. */
    onFault?: ((method: string) => void) | undefined
  },
): Storage<unknown> {
  let opening: Promise<void> | null = null
  let closed = false

  async function open(): Promise<void> {
    if (closed) throw stopped()
    opening ??= call('open', undefined, () => storage.open())
    try {
      await opening
    } catch (error) {
      opening = null
      throw error
    }
  }

  async function close(): Promise<void> {
    if (closed) return
    closed = true
    const wasOpened = await opening?.then(() => true).catch(() => false)
    if (wasOpened) await call('close', undefined, () => storage.close())
  }

  async function call<Result>(
    name: string,
    params: unknown,
    run: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await run()
    } catch (error) {
      // It was closed under a call that was under way.
      if (closed && name !== 'close') throw stopped()
      if (isFault(error)) onFault(name)
      if (isWebhooksError(error)) throw error
      // Awaited for storages in a wrapper that makes every method asynchronous.
      const meaning = (await storage.explainFault?.(error)) ?? null
      throw storageFault(name, { params, error, meaning }, redaction)
    }
  }

  return new Proxy(storage, {
    get(target, name) {
      if (name === 'open') return open
      if (name === 'close') return close
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      if (name === 'onWork' || name === 'explainFault') return method.bind(target)
      return (params: { transaction?: unknown } | undefined) => {
        const run = async () => method.call(target, params)
        // What fails or takes long inside the caller's transaction is for the caller to handle.
        if (params?.transaction !== undefined) return opened(String(name), params, run)
        return hurried(String(name), params, run)
      }
    },
  })

  async function opened<Result>(
    name: string,
    params: unknown,
    run: () => Promise<Result>,
  ): Promise<Result> {
    await open()
    return call(name, params, run)
  }

  async function hurried<Result>(
    name: string,
    params: unknown,
    run: () => Promise<Result>,
  ): Promise<Result> {
    let isLate = false
    const wanted = persistence[name as keyof Storage]
    const onRepeat = () => onFault(name)
    const isWanted = () => !isLate
    const work = opened(name, params, () =>
      wanted ? persist(run, { ...wanted, clock, onRepeat, isWanted }) : run(),
    )
    const longestMs = wanted?.longestMs ?? longestCallMs
    if (unhurried.has(name) || (await settlesWithin(clock, longestMs, work))) return work
    isLate = true
    onFault(name)
    throw unanswered(name, longestMs)
  }
}

/** Repeats a call after faults. All waiting goes through the clock; p-retry itself waits for nothing. */
function persist<Result>(
  run: () => Promise<Result>,
  {
    retries,
    firstWaitMs,
    clock,
    onRepeat,
    isWanted,
  }: Persistence & {
    clock: Clock
    onRepeat: () => void
    /** Whether anybody still waits for it. */
    isWanted: () => boolean
  },
): Promise<Result> {
  return pRetry(run, {
    retries,
    minTimeout: 0,
    async shouldRetry({ error, retriesConsumed }) {
      if (isWebhooksError(error)) return false
      onRepeat()
      await wait(clock, firstWaitMs * 2 ** retriesConsumed)
      return isWanted()
    },
  })
}

/** Keeps the process alive: a script that only emits shall not end before its event is stored. */
function wait(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(resolve, delayMs, { keepAlive: true })
  })
}

/** What an adapter refuses by a code of another kind is the caller's doing. */
function isFault(error: unknown): boolean {
  return !isWebhooksError(error) || error.code.startsWith('storage_')
}

function unanswered(method: string, longestMs: number): WebhooksError {
  return new WebhooksError(
    'storage_unreachable',
    `The storage has not answered ${method} within ${longestMs} ms. Look for a connection that ` +
      'was cut without a word, or for who holds locks; whether the call took effect is not known.',
  )
}

/** What every call meets after `stop()`. */
export function stopped(): WebhooksError {
  return new WebhooksError('stopped', 'This instance was stopped: create a new one to go on')
}
