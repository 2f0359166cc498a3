import type { WebhookPayload } from './payload.ts'

/** Names of event types, each with the shape of its data. */
export type ReceivedEvents = object

/**
 * What a receiver reads from a registry: `defineEvents({ … })` and `ainexlayerEvents` have this
 * shape. A shape of its own, so that the receiver needs no zod where it is given none.
 */
export interface ReceiverRegistry<Events extends ReceivedEvents> {
  readonly schemas: {
    readonly [Name in keyof Events]: { readonly _zod: { readonly output: Events[Name] } }
  }
  has(name: string): boolean
  parse(name: string, data: unknown): unknown
}

/** Handles one event. What it throws, or rejects with, lets the sender send the event again. */
export type WebhookHandler<Type extends string = string, Data = unknown> = (
  event: WebhookPayload<Type, Data>,
) => unknown

/**
 * Handlers by event type, and `*` for every type that has none of its own, also those that are not
 * declared.
 */
export type WebhookHandlers<Events extends ReceivedEvents> = {
  readonly [Name in keyof Events & string]?:
    | WebhookHandler<string extends keyof Events ? string : Name, Events[Name]>
    | undefined
} & { readonly '*'?: WebhookHandler | undefined }

/** The handler of an event type; `null` where there is none. */
export function handlerOf(handlers: object, type: string): WebhookHandler | null {
  const own = (name: string): unknown =>
    Object.hasOwn(handlers, name) ? (handlers as Record<string, unknown>)[name] : undefined
  const handler = own(type) ?? own('*')
  return typeof handler === 'function' ? (handler as WebhookHandler) : null
}
