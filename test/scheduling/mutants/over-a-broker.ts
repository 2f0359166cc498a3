import type { Broker, WakeUp } from '../../../src/scheduling/broker/broker.ts'
import { BrokerScheduler } from '../../../src/scheduling/broker/scheduler.ts'
import type { Scheduler, SchedulerHost } from '../../../src/scheduling/scheduler.ts'

/** A scheduler over a broker, with one thing wrong. */
export interface BrokerMutant {
  name: string
  caughtBy: string
  create: (broker: Broker, sweepIntervalMs: number) => Scheduler
}

const silentLogger = { debug() {}, info() {}, warn() {}, error() {} }

export function overBroker(broker: Broker, sweepIntervalMs: number): Scheduler {
  return new BrokerScheduler(broker, 'The broker', { sweepIntervalMs })
}

/** The true scheduler over a broker that it sees otherwise. */
function seeing(change: (broker: Broker) => Partial<Broker>): BrokerMutant['create'] {
  return (broker, sweepIntervalMs) =>
    overBroker(
      {
        connect: (onError) => broker.connect(onError),
        listen: (onWake) => broker.listen(onWake),
        put: (wakeUp) => broker.put(wakeUp),
        close: () => broker.close(),
        ...change(broker),
      },
      sweepIntervalMs,
    )
}

/** The true scheduler, told otherwise than it should be. */
function telling(change: (inner: Scheduler) => Partial<Scheduler>): BrokerMutant['create'] {
  return (broker, sweepIntervalMs) => {
    const inner = overBroker(broker, sweepIntervalMs)
    return {
      attach: (host) => inner.attach?.(host),
      start: (work) => inner.start(work),
      notify: (dueAt, reach) => inner.notify(dueAt, reach),
      stop: () => inner.stop(),
      ...change(inner),
    }
  }
}

export const brokerMutants: BrokerMutant[] = [
  {
    name: 'tells nobody else',
    caughtBy: 'several processes',
    create: telling((inner) => ({ notify: (dueAt) => inner.notify(dueAt, 'here') })),
  },
  {
    name: 'wakes only itself, and no process that works for others',
    caughtBy: 'several processes',
    create: seeing(() => ({ listen() {} })),
  },
  {
    name: 'leaves what is due later to whoever knows of it',
    caughtBy: 'several processes',
    create: seeing((broker) => ({
      put: async (wakeUp) => (wakeUp.delayMs > 0 ? undefined : broker.put(wakeUp)),
    })),
  },
  {
    name: 'makes a wake-up of each hint, and a run of each wake-up',
    caughtBy: 'several processes',
    create: (broker, sweepIntervalMs) => {
      let made = 0
      return telling(() => ({
        notify: () => void broker.put({ key: `${made++}`, delayMs: 0 }),
      }))(broker, sweepIntervalMs)
    },
  },
  {
    name: 'takes its wake-ups with it when it stops',
    caughtBy: 'several processes',
    create: (broker, sweepIntervalMs) => {
      const put = new Set<WakeUp>()
      const own = seeing(() => ({
        async put(wakeUp) {
          put.add(wakeUp)
        },
        async close() {
          put.clear()
          await broker.close()
        },
      }))
      return own(broker, sweepIntervalMs)
    },
  },
  {
    name: 'believes that the broker has taken what it has not',
    caughtBy: 'a broker that fails',
    create: seeing((broker) => ({ put: (wakeUp) => broker.put(wakeUp).catch(() => {}) })),
  },
  {
    name: 'does nothing here that the broker has not told it',
    caughtBy: 'a broker that fails',
    create: (broker, sweepIntervalMs) => {
      const inner = overBroker(broker, sweepIntervalMs)
      return {
        start: (work) => inner.start(work),
        notify: (dueAt) =>
          void broker.put({ key: String(dueAt.getTime()), delayMs: 0 }).catch(() => {}),
        stop: () => inner.stop(),
      }
    },
  },
  {
    name: 'waits for the broker when it starts',
    caughtBy: 'a broker that fails',
    create: telling((inner) => ({
      async start(work) {
        await new Promise<void>((resolve) => work.clock.setTimer(resolve, 1e6))
        await inner.start(work)
      },
    })),
  },
  {
    name: 'says nothing of a broker that is away',
    caughtBy: 'a broker that fails',
    create: telling((inner) => ({
      attach: ({ clock }: SchedulerHost) => inner.attach?.({ clock, logger: silentLogger }),
      start: ({ clock, run }) => inner.start({ clock, run, isFull: false, logger: silentLogger }),
    })),
  },
  {
    name: 'waits for the broker when it stops',
    caughtBy: 'a broker that fails',
    create: (broker, sweepIntervalMs) => {
      let answered = true
      const inner = seeing(() => ({
        put: (wakeUp) =>
          broker.put(wakeUp).catch((error) => {
            answered = false
            throw error
          }),
      }))(broker, sweepIntervalMs)
      return {
        attach: (host) => inner.attach?.(host),
        start: (work) => inner.start(work),
        notify: (dueAt, reach) => inner.notify(dueAt, reach),
        async stop() {
          await inner.stop()
          if (!answered) await new Promise(() => {})
        },
      }
    },
  },
  {
    name: 'does not look by itself',
    caughtBy: 'a broker that fails',
    create: (broker) => overBroker(broker, 2 ** 50),
  },
  {
    name: 'gives up on a broker that was away',
    caughtBy: 'a broker that is back',
    create: (broker, sweepIntervalMs) => {
      let hasFailed = false
      return seeing(() => ({
        async put(wakeUp) {
          try {
            if (hasFailed) throw new Error('given up')
            await broker.put(wakeUp)
          } catch (error) {
            hasFailed = true
            throw error
          }
        },
      }))(broker, sweepIntervalMs)
    },
  },
]
