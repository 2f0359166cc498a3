import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Check, SentRequest } from '../observed.ts'
import { type CheckContext, claimOf } from './facts.ts'

/** Every secret that an owner may verify with does verify. */
export function signatures({ scenario, ledger, secrets, broken }: CheckContext): Check {
  return {
    sent(sent) {
      const delivery = ledger.deliveryOf(sent.eventId, sent.endpointId)
      const claim = delivery && claimOf(delivery, sent)
      if (delivery === undefined || claim === undefined) return
      const held = secrets.heldAt(sent.endpointId, claim.order)
      const timestamp = Number(sent.request.headers['webhook-timestamp'])
      if (timestamp !== Math.floor(sent.sentClock / 1_000)) {
        broken('signatures', `${sent.by.name} sent ${delivery.id} with timestamp ${timestamp}`)
      }
      // A test send reads its endpoint a little before its lease: the last two may be meant.
      const owed = delivery.isTest
        ? []
        : held.filter(({ replacedAt }, index) => {
            if (index === held.length - 1 || replacedAt === null) return true
            return sent.sentClock < replacedAt + scenario.limits.rotationOverlapMs
          })
      for (const { secret } of owed) {
        if (verifies(sent, secret)) continue
        broken('signatures', `A secret of ${sent.endpointId} does not verify ${delivery.id}`)
      }
      if (!held.some(({ secret }) => verifies(sent, secret))) {
        broken('signatures', `No secret of ${sent.endpointId} verifies ${delivery.id}`)
      }
    },
  }
}

/** Standard Webhooks 1.0.0, written from the specification and not from our own verifier. */
function verifies({ request: { headers, body } }: SentRequest, secret: string): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const expected = createHmac('sha256', key).update(content).digest()
  return (headers['webhook-signature'] ?? '').split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64')
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}
