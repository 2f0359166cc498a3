import { Webhook } from 'standardwebhooks'
import { expect } from 'vitest'
import * as z from 'zod'
import { defineEvents } from '../src/index.ts'
import type { TestRequest } from '../src/testing/index.ts'

/** A small catalogue for tests. */
export const events = defineEvents({
  'order.paid': z.object({ orderId: z.string(), amount: z.number().optional() }),
  'order.refund.issued': z.object({ orderId: z.string() }),
  'user.created': z.object({ userId: z.string() }),
})

/**
 * Lets a request pass only if the public reference library accepts its signature. Its clock cannot
 * be set, so the time is checked by our own verifier's tests, and moved here.
 */
export function expectVerified(request: TestRequest, secret: string): void {
  const webhook = new Webhook(secret)
  const id = request.headers['webhook-id'] ?? ''
  const timestamp = new Date(Number(request.headers['webhook-timestamp']) * 1000)
  const expected = webhook.sign(id, timestamp, request.body)
  expect(request.headers['webhook-signature']?.split(' ')).toContain(expected)
}
