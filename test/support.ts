import { Webhook } from 'standardwebhooks'
import { afterEach, expect } from 'vitest'
import * as z from 'zod'
import { defineEvents, type Endpoints, type EventRegistry } from '../src/index.ts'
import {
  createTestWebhooks as createUnwatched,
  type TestRequest,
  type TestWebhooks,
  type TestWebhooksOptions,
} from '../src/testing/index.ts'

/** A small catalogue for tests. */
export const events = defineEvents({
  'order.paid': z.object({ orderId: z.string(), amount: z.number().optional() }),
  'order.refund.issued': z.object({ orderId: z.string() }),
  'user.created': z.object({ userId: z.string() }),
})

/** Instances of the test that runs, each with the secrets that were handed out, by URL. */
const watched: { world: TestWebhooks<EventRegistry>; secrets: Map<string, string[]> }[] = []

/**
 * `createTestWebhooks`, watched: when the test is over, every request it sent must verify with the
 * public reference library under a secret that was handed out for its URL.
 */
export function createTestWebhooks<Registry extends EventRegistry>(
  options: TestWebhooksOptions<Registry>,
): TestWebhooks<Registry> {
  const world = createUnwatched(options)
  const secrets = new Map<string, string[]>()
  function note<Created extends { url: string; secret: string }>(endpoint: Created): Created {
    secrets.set(endpoint.url, [...(secrets.get(endpoint.url) ?? []), endpoint.secret])
    return endpoint
  }
  function watch(endpoints: Endpoints): void {
    const { create, rotateSecret } = endpoints
    endpoints.create = async (input) => note(await create(input))
    endpoints.rotateSecret = async (id, given) => note(await rotateSecret(id, given))
  }
  watch(world.webhooks.endpoints)
  const { forTenant } = world.webhooks
  world.webhooks.forTenant = (tenantId) => {
    const face = forTenant(tenantId)
    watch(face.endpoints)
    return face
  }
  watched.push({ world: world as unknown as TestWebhooks<EventRegistry>, secrets })
  return world
}

afterEach(() => {
  for (const { world, secrets } of watched.splice(0)) {
    for (const request of world.requests) {
      const known = secrets.get(request.url) ?? []
      expect(
        known.some((secret) => isVerified(request, secret)),
        request.url,
      ).toBe(true)
    }
  }
})

/** Lets a request pass only if the public reference library accepts its signature. */
export function expectVerified(request: TestRequest, secret: string): void {
  expect(isVerified(request, secret)).toBe(true)
}

/**
 * The reference library signs the request anew. Its own `verify` compares with the real time, and
 * these tests run in virtual time; `test/signing` has it verify in real time.
 */
function isVerified({ headers, body }: TestRequest, secret: string): boolean {
  const timestamp = new Date(Number(headers['webhook-timestamp']) * 1000)
  const expected = new Webhook(secret).sign(headers['webhook-id'] ?? '', timestamp, body)
  return headers['webhook-signature']?.split(' ').includes(expected) ?? false
}
