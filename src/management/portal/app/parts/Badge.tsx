import type { Attempt, Delivery, Endpoint } from '../api.ts'

type Tone = 'good' | 'bad' | 'warn' | 'quiet'

/** A state in a word; the colour only underlines it. */
function Badge({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span class={`badge ${tone}`}>
      <span class="dot" aria-hidden="true" />
      {children}
    </span>
  )
}

export function DeliveryBadge({ delivery }: { delivery: Delivery }) {
  switch (delivery.status) {
    case 'succeeded':
      return <Badge tone="good">Succeeded</Badge>
    case 'failed':
      return <Badge tone="bad">Failed</Badge>
    case 'cancelled':
      return <Badge tone="quiet">Cancelled</Badge>
    case 'pending':
      return delivery.attempts > 0 || delivery.lastError !== null ? (
        <Badge tone="warn">Retrying</Badge>
      ) : (
        <Badge tone="quiet">Pending</Badge>
      )
  }
}

export function EndpointBadge({ endpoint }: { endpoint: Endpoint }) {
  if (!endpoint.active) {
    return endpoint.disabledReason === 'manual' ? (
      <Badge tone="quiet">Disabled</Badge>
    ) : (
      <Badge tone="bad">Switched off</Badge>
    )
  }
  if (endpoint.failingSince !== null) return <Badge tone="warn">Failing</Badge>
  return <Badge tone="good">Active</Badge>
}

export function AttemptBadge({ attempt }: { attempt: Attempt }) {
  return attempt.succeeded ? <Badge tone="good">Succeeded</Badge> : <Badge tone="bad">Failed</Badge>
}
