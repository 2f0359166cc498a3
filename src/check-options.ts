import type { EventRegistry } from './core/events/registry.ts'
import { WebhooksError } from './errors.ts'
import { checkOptions } from './option-names.ts'
import type { WebhooksOptions } from './webhooks.ts'

type Options = WebhooksOptions<EventRegistry, unknown>

/** Parts that a host passes in: what each must be able to do, and an example of one. */
const parts: { [Name in keyof Options]?: { methods: readonly string[]; such: string } } = {
  events: { methods: ['parse'], such: 'defineEvents({ … })' },
  storage: { methods: ['open', 'insertEvents'], such: 'memoryStorage()' },
  scheduler: { methods: ['start', 'notify', 'stop'], such: 'pollingScheduler()' },
  transport: { methods: ['send', 'checkUrl', 'close'], such: 'httpTransport()' },
  logger: { methods: ['debug', 'info', 'warn', 'error'], such: 'console' },
  telemetry: { methods: ['emit', 'attempt'], such: 'openTelemetry()' },
  clock: { methods: ['now', 'setTimer'], such: 'that of the system, by leaving it out' },
  random: { methods: ['next', 'bytes'], such: 'that of the system, by leaving it out' },
}

const settings: readonly (keyof Options)[] = [
  'retry',
  'disable',
  'addressGuard',
  'limits',
  'signing',
  'encryption',
  'redact',
  'userAgent',
]

const required: readonly (keyof Options)[] = ['events', 'storage']

/**
 * Checks what `createWebhooks` was given as far as its parts do not check it themselves: a wrong one
 * would show only at the first emit.
 *
 * @throws WebhooksError `invalid_option`
 */
export function checkWebhooksOptions(options: Options): void {
  checkOptions('createWebhooks', options, [
    ...(Object.keys(parts) as (keyof Options)[]),
    ...settings,
  ])
  for (const [name, { methods, such }] of Object.entries(parts)) {
    const part: unknown = options[name as keyof Options]
    if (part === undefined && !required.includes(name as keyof Options)) continue
    if (methods.every((method) => hasMethod(part, method))) continue
    throw invalid(`${name} has no ${methods.join('(), ')}(): pass one, such as ${such}`)
  }
  if (options.transport !== undefined && options.addressGuard !== undefined) {
    throw invalid(
      'addressGuard is for the transport that is made here: give it to the one you pass, as ' +
        'httpTransport({ addressGuard })',
    )
  }
}

function hasMethod(part: unknown, method: string): boolean {
  const isObject = typeof part === 'object' && part !== null
  return isObject && typeof (part as Record<string, unknown>)[method] === 'function'
}

function invalid(message: string): WebhooksError {
  return new WebhooksError('invalid_option', message)
}
