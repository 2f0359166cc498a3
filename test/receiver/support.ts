import { Webhook } from 'standardwebhooks'
import * as z from 'zod'
import { defineEvents } from '../../src/index.ts'

export const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
export const otherSecret = 'whsec_EyACfgpfMoABCwthxrpj+X4IdNLl6OnW1JDazODE4rI='

export const events = defineEvents({
  'order.paid': z.object({ orderId: z.string(), amount: z.number().default(0) }),
  'order.refunded': z.object({ orderId: z.string() }),
})

export interface Message {
  id?: string
  type?: string
  data?: unknown
  /** Instead of type and data. */
  body?: string
  sentAt?: Date
  secret?: string
}

export interface SignedMessage {
  body: string
  headers: Record<string, string>
}

let count = 0

/** A request as a sender makes it: signed by the public reference library. */
export function signed(message: Message = {}): SignedMessage {
  const { type = 'order.paid', data = { orderId: 'o-1' }, sentAt = new Date() } = message
  const { id = `msg_${++count}`, secret: key = secret } = message
  const timestamp = '2026-11-23T20:15:04.120Z'
  const body = message.body ?? JSON.stringify({ type, timestamp, data })
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
      'webhook-signature': new Webhook(key).sign(id, sentAt, body),
    },
  }
}

export function requestOf({ body, headers }: SignedMessage): Request {
  return new Request('https://receiver.example/hooks', { method: 'POST', headers, body })
}

/** A promise and what settles it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}
