import { createWebhooks, type Storage, type Transport } from '../../src/index.ts'
import type { CreateInstance } from '../../src/testing/index.ts'

type Options = Parameters<CreateInstance>[0]

/** An engine with one fault, planted by replacing one of its ports. */
export interface PlantedFault {
  name: string
  /** The promise that it breaks, as the checks name it. */
  breaks: string
  createInstance: CreateInstance
}

function plant(change: (options: Options) => Partial<Options>): CreateInstance {
  return (options) => createWebhooks({ ...options, ...change(options) })
}

function withStorage(replace: (storage: Storage, now: () => Date) => Partial<Storage>) {
  return plant(({ storage, clock }) => {
    const replaced = replace(storage, () => clock?.now() ?? new Date())
    const get = (_: Storage, name: string | symbol) =>
      replaced[name as keyof Storage] ?? Reflect.get(storage, name)
    return { storage: new Proxy(storage, { get }) }
  })
}

function withTransport(send: (transport: Transport, options: Options) => Transport['send']) {
  return plant((options) => {
    const { transport } = options
    if (transport === undefined) throw new Error('A simulation always gives a transport')
    return { transport: { ...transport, send: send(transport, options) } }
  })
}

/** Leases that end at another time than the engine says. */
function withLeases(endOf: (now: Date) => Date): CreateInstance {
  return withStorage((storage, now) => ({
    claimDeliveries: (params) =>
      storage.claimDeliveries({ ...params, leaseUntil: endOf(params.now) }),
    renewLeases: (params) => storage.renewLeases({ ...params, leaseUntil: endOf(now()) }),
  }))
}

function withSettlements(
  change: (settlement: Settlement, now: Date) => Partial<Settlement>,
): CreateInstance {
  return withStorage((storage) => ({
    settleDeliveries: ({ now, settlements }) =>
      storage.settleDeliveries({
        now,
        settlements: settlements.map((each) => ({ ...each, ...change(each, now) })),
      }),
  }))
}

type Settlement = Parameters<Storage['settleDeliveries']>[0]['settlements'][number]

const never = new Date('2100-01-01T00:00:00Z')

export const plantedFaults: PlantedFault[] = [
  {
    name: 'a retry is lost when its process dies between sending and settling',
    breaks: 'at least once',
    createInstance: withLeases(() => never),
  },
  {
    name: 'the endpoints of an event share its retry state',
    breaks: 'schedule',
    createInstance: withStorage((storage) => {
      const shared = new Map<string, { attempts: number; step: number }>()
      return {
        claimDeliveries: async (params) => {
          const claimed = await storage.claimDeliveries(params)
          const deliveries = claimed.deliveries.map((delivery) => {
            const before = shared.get(delivery.eventId) ?? { attempts: 0, step: 0 }
            const attempts = Math.max(delivery.attempts, before.attempts)
            const step = Math.max(delivery.step, before.step)
            shared.set(delivery.eventId, { attempts: attempts + 1, step: step + 1 })
            return { ...delivery, attempts, step }
          })
          return { ...claimed, deliveries }
        },
      }
    }),
  },
  {
    name: 'jitter goes below what Retry-After asks for',
    breaks: 'schedule',
    createInstance: withSettlements(({ attempt, dueAt }, now) => {
      if (dueAt === null || attempt.response?.headers['retry-after'] === undefined) return {}
      return { dueAt: new Date(now.getTime() + (dueAt.getTime() - now.getTime()) * 0.8) }
    }),
  },
  {
    name: 'a lease is shorter than its request',
    breaks: 'few duplicates',
    createInstance: withLeases((now) => new Date(now.getTime() + 500)),
  },
  {
    name: 'a slow body outlives the timeout',
    breaks: 'deadline',
    createInstance: withTransport((transport, { clock }) => async (request) => {
      const result = await transport.send(request)
      // The simulated network cuts a dripping body off at the deadline; this one reads on.
      if (result.response?.bodyTruncated) {
        await new Promise<void>((resolve) => clock?.setTimer(resolve, request.timeoutMs * 3))
      }
      return result
    }),
  },
  {
    name: 'a disabled endpoint still receives',
    breaks: 'nothing from nowhere',
    createInstance: withStorage((storage) => ({
      claimDeliveries: async (params) => {
        const claimed = await storage.claimDeliveries(params)
        const endpoints = claimed.endpoints.map((endpoint) => ({ ...endpoint, active: true }))
        return { ...claimed, endpoints }
      },
      cancelDeliveries: async (params) =>
        'endpointId' in params.which ? [] : storage.cancelDeliveries(params),
    })),
  },
  {
    name: 'an overall deadline ends the schedule early',
    breaks: 'schedule',
    createInstance: withStorage((storage) => {
      const createdAt = new Map<string, number>()
      return {
        claimDeliveries: async (params) => {
          const claimed = await storage.claimDeliveries(params)
          for (const each of claimed.deliveries) createdAt.set(each.id, each.createdAt.getTime())
          return claimed
        },
        settleDeliveries: ({ now, settlements }) => {
          const isLate = ({ id, status }: Settlement) =>
            status === 'pending' && now.getTime() - (createdAt.get(id) ?? 0) > 60_000
          const failed = { status: 'failed' as const, dueAt: null, completedAt: now }
          const changed = settlements.map((each) => (isLate(each) ? { ...each, ...failed } : each))
          return storage.settleDeliveries({ now, settlements: changed })
        },
      }
    }),
  },
  {
    name: 'emit resolves before its event is stored',
    breaks: 'at least once',
    createInstance: withStorage((storage) => ({
      insertEvents: async (params) => {
        void storage.insertEvents(params).catch(() => {})
        return params.events.map(({ id, createdAt }) => ({
          ...{ id, createdAt, position: 1, inserted: true },
        }))
      },
    })),
  },
  {
    name: 'work is taken from a worker that still has it',
    breaks: 'few duplicates',
    createInstance: withStorage((storage) => ({
      claimDeliveries: async (params) => {
        // Looks ahead in time: what another holds looks due.
        const now = new Date(params.now.getTime() + 3_600_000)
        const leaseUntil = new Date(now.getTime() + 60_000)
        return storage.claimDeliveries({ ...params, now, leaseUntil })
      },
    })),
  },
  {
    name: 'a fault of ours is blamed on the receiver',
    breaks: 'truthful log',
    createInstance: withTransport((transport) => async (request) => {
      const result = await transport.send(request)
      if (result.error?.origin !== 'sender' || result.error.code === 'aborted') return result
      return { ...result, error: { ...result.error, origin: 'receiver' } }
    }),
  },
  {
    name: 'more requests run at once than the limits allow',
    breaks: 'caps',
    createInstance: plant(({ limits }) => ({
      limits: { ...limits, inFlight: 50, inFlightPerEndpoint: 50 },
    })),
  },
  {
    name: 'every process probes a failing endpoint for itself',
    breaks: 'one probe',
    createInstance: withStorage((storage) => ({
      claimDeliveries: (params) =>
        storage.claimDeliveries({ ...params, probeFrom: Number.POSITIVE_INFINITY }),
    })),
  },
  {
    name: 'during a rotation only the new secret signs',
    breaks: 'signatures',
    createInstance: withTransport((transport) => (request) => {
      const [first = ''] = (request.headers['webhook-signature'] ?? '').split(' ')
      return transport.send({
        ...request,
        headers: { ...request.headers, 'webhook-signature': first },
      })
    }),
  },
  {
    name: 'only the first endpoint of an event receives it',
    breaks: 'at least once',
    createInstance: withStorage((storage) => ({
      fanOut: (params) => {
        const results = params.results.map((result) => ({
          ...result,
          deliveries: result.deliveries.slice(0, 1),
        }))
        return storage.fanOut({ ...params, results })
      },
    })),
  },
]
