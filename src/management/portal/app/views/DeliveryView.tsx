import { api, type Delivery, type DeliveryDetails } from '../api.ts'
import { plural, visible } from '../format.ts'
import { useAction, useLoaded } from '../load.ts'
import { AttemptDetails } from '../parts/AttemptDetails.tsx'
import { DeliveryBadge } from '../parts/Badge.tsx'
import { Body } from '../parts/Body.tsx'
import { Empty } from '../parts/Empty.tsx'
import { FailureNotice } from '../parts/FailureNotice.tsx'
import { Heading } from '../parts/Heading.tsx'
import { Notice, ProblemNotice } from '../parts/Notice.tsx'
import { Skeleton } from '../parts/Skeleton.tsx'
import { Time } from '../parts/Time.tsx'
import { links } from '../route.ts'
import { say } from '../say.ts'
import { useCan } from '../session.ts'

const refreshMs = 1_500

/** One delivery: what became of it, why, and every request and answer. */
export function DeliveryView({ endpointId, id }: { endpointId: string; id: string }) {
  const { value, problem, reload } = useLoaded(
    `delivery ${id}`,
    () => api.delivery(endpointId, id),
    refreshMs,
  )
  const endpoint = useLoaded(`endpoint ${endpointId}`, () => api.endpoint(endpointId))
  return (
    <>
      <nav aria-label="Breadcrumb" class="crumbs">
        <a href={links.endpoints}>Endpoints</a>
        <a href={links.endpoint(endpointId)}>
          {visible(endpoint.value?.description || endpoint.value?.url || 'Endpoint')}
        </a>
      </nav>
      {value === null && <Heading title="Delivery">Delivery</Heading>}
      <ProblemNotice problem={problem} title="The delivery cannot be read" retry={reload} />
      {value === null && problem === null && <Skeleton lines={6} />}
      {value !== null && <Details details={value} reload={reload} />}
    </>
  )
}

function Details({ details, reload }: { details: DeliveryDetails; reload(): Promise<void> }) {
  const { delivery, event, attempts } = details
  const newestFirst = attempts.toReversed()
  return (
    <>
      <div class="view-head">
        <div class="grow">
          <Heading title={delivery.eventType}>
            <span class="mono">{visible(delivery.eventType)}</span>
          </Heading>
          <p class="chips">
            <DeliveryBadge delivery={delivery} />
            <span class="muted">
              created <Time at={delivery.createdAt} />
            </span>
            <span class="muted">{plural(delivery.attempts, 'attempt')}</span>
          </p>
          <p class="muted mono wrap">
            {delivery.id} · webhook-id {delivery.eventId}
          </p>
        </div>
        <DeliveryActions delivery={delivery} reload={reload} />
      </div>
      {delivery.lastError !== null && delivery.status !== 'cancelled' && (
        <FailureNotice
          error={delivery.lastError}
          status={delivery.responseStatus}
          next={<NextAttempt delivery={delivery} />}
        />
      )}
      {delivery.status === 'cancelled' && (
        <Notice tone="quiet" title={cancelReasons[delivery.cancelReason ?? 'manual']} />
      )}
      <section class="card" aria-labelledby="attempts-title">
        <header class="card-head">
          <h2 id="attempts-title">Attempts</h2>
        </header>
        {newestFirst.length === 0 && (
          <Empty title="No attempt yet">
            {delivery.nextAttemptAt !== null && (
              <p>
                The first is due <Time at={delivery.nextAttemptAt} />.
              </p>
            )}
          </Empty>
        )}
        {newestFirst.map((attempt, index) => (
          <AttemptDetails
            key={attempt.id}
            attempt={attempt}
            open={index === 0}
            explained={index > 0}
          />
        ))}
      </section>
      <section class="card" aria-labelledby="event-title">
        <header class="card-head">
          <h2 id="event-title">What was sent</h2>
        </header>
        <div class="pad">
          <Body label="Request body of every attempt" text={event.body} />
        </div>
      </section>
    </>
  )
}

const cancelReasons: Record<NonNullable<Delivery['cancelReason']>, string> = {
  manual: 'Somebody cancelled this delivery.',
  endpoint_disabled: 'Cancelled, because the endpoint was switched off.',
  endpoint_deleted: 'Cancelled, because the endpoint was deleted.',
}

function NextAttempt({ delivery: { status, nextAttemptAt } }: { delivery: Delivery }) {
  if (status === 'failed') {
    return <>No more attempts by itself. Put the cause right and press Retry now.</>
  }
  if (nextAttemptAt === null) return <>Nothing more.</>
  const isDue = new Date(nextAttemptAt).getTime() <= Date.now()
  return isDue ? (
    <>The next attempt is due now.</>
  ) : (
    <>
      The next attempt is <Time at={nextAttemptAt} />.
    </>
  )
}

function DeliveryActions({ delivery, reload }: { delivery: Delivery; reload(): Promise<void> }) {
  const can = useCan()
  const { endpointId, id, status } = delivery
  const retry = useAction(async () => {
    await api.retry(endpointId, id)
    say('Sending again now')
    await reload()
  })
  const cancel = useAction(async () => {
    await api.cancel(endpointId, id)
    say('Delivery cancelled')
    await reload()
  })
  if (!can('send')) return null
  return (
    <div class="actions">
      <button type="button" class="primary" disabled={retry.busy} onClick={() => retry.run()}>
        {status === 'succeeded' ? 'Send again' : 'Retry now'}
      </button>
      {status === 'pending' && (
        <button type="button" disabled={cancel.busy} onClick={() => cancel.run()}>
          Cancel delivery
        </button>
      )}
      <ProblemNotice problem={retry.problem ?? cancel.problem} />
    </div>
  )
}
