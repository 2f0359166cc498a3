import { useState } from 'preact/hooks'
import { api, type Delivery, type Endpoint } from '../api.ts'
import { count, visible } from '../format.ts'
import { useLoaded } from '../load.ts'
import { periodStart } from '../periods.ts'
import { links, replaceQuery, useRoute } from '../route.ts'
import { DeliveryBadge } from './Badge.tsx'
import { Empty } from './Empty.tsx'
import { LogFilters } from './LogFilters.tsx'
import { ProblemNotice } from './Notice.tsx'
import { Skeleton } from './Skeleton.tsx'
import { Time } from './Time.tsx'

const refreshMs = 2_000

/** The delivery log: newest first, with filters, and fresh as long as the first page is shown. */
export function DeliveryLog({ endpoint }: { endpoint: Endpoint | null }) {
  const { path, query } = useRoute()
  const [live, setLive] = useState(true)
  const [page, setPage] = useState(1)
  const endpointId = endpoint?.id ?? query.endpoint
  const filters = { ...query, endpoint: endpointId }
  const key = JSON.stringify([filters, page])
  const log = useLoaded(
    `log ${key}`,
    () =>
      api.deliveries({
        endpointId,
        status: query.status,
        type: query.type,
        since: periodStart(query.period) ?? instantOf(query.since),
        until: instantOf(query.until),
        page: String(page),
        limit: '20',
      }),
    live && page === 1 ? refreshMs : 0,
  )

  const endpoints = useLoaded(`endpoints ${endpoint === null}`, async () =>
    endpoint === null ? (await api.endpoints()).items : [],
  )

  const change = (changes: Record<string, string | undefined>) => {
    setPage(1)
    replaceQuery(path, { ...query, ...changes })
  }
  const isFiltered = Object.values(query).some(Boolean)

  return (
    <section class="card" aria-labelledby="log-title">
      <header class="card-head">
        <h2 id="log-title">Deliveries</h2>
        <label class="live">
          <input
            type="checkbox"
            role="switch"
            aria-checked={live}
            checked={live}
            onChange={(event) => setLive(event.currentTarget.checked)}
          />
          <span>{live ? 'Live' : 'Paused'}</span>
        </label>
      </header>
      <LogFilters
        query={query}
        endpoints={endpoint === null ? (endpoints.value ?? []) : null}
        onChange={change}
      />
      <ProblemNotice problem={log.problem} title="The log cannot be read" retry={log.reload} />
      {log.value === null && log.problem === null && <Skeleton lines={6} />}
      {log.value?.items.length === 0 && (
        <Empty title={isFiltered ? 'Nothing matches' : 'No deliveries yet'}>
          {isFiltered ? (
            <button type="button" onClick={() => replaceQuery(path, {})}>
              Clear filters
            </button>
          ) : (
            <p>As soon as an event is sent it appears here.</p>
          )}
        </Empty>
      )}
      {log.value !== null && log.value.items.length > 0 && (
        <>
          <DeliveryTable
            deliveries={log.value.items}
            endpoints={endpoint === null ? (endpoints.value ?? []) : null}
          />
          <nav class="pager" aria-label="Pages of the log">
            <span class="muted">
              {count(log.value.total)} in all, page {log.value.page}
            </span>
            <button
              type="button"
              class="small"
              disabled={page === 1}
              onClick={() => setPage(page - 1)}
            >
              Newer
            </button>
            <button
              type="button"
              class="small"
              disabled={log.value.nextCursor === null}
              onClick={() => setPage(page + 1)}
            >
              Older
            </button>
          </nav>
        </>
      )}
    </section>
  )
}

/** What `datetime-local` gives is in the visitor's own time. */
function instantOf(local: string | undefined): string | undefined {
  const instant = new Date(local ?? '')
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString()
}

function DeliveryTable({
  deliveries,
  endpoints,
}: {
  deliveries: Delivery[]
  /** Those that the deliveries may be to; `null` where it is one. */
  endpoints: Endpoint[] | null
}) {
  const names = new Map(endpoints?.map(({ id, description, url }) => [id, description || url]))
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">Event</th>
          {endpoints !== null && <th scope="col">Endpoint</th>}
          <th scope="col">Status</th>
          <th scope="col">Answer</th>
          <th scope="col">Attempts</th>
          <th scope="col">Created</th>
        </tr>
      </thead>
      <tbody>
        {deliveries.map((delivery) => (
          <tr key={delivery.id}>
            <td class="main">
              <a class="mono" href={links.delivery(delivery)}>
                {visible(delivery.eventType)}
              </a>
            </td>
            {endpoints !== null && (
              <td class="wrap">{visible(names.get(delivery.endpointId) ?? delivery.endpointId)}</td>
            )}
            <td>
              <DeliveryBadge delivery={delivery} />
            </td>
            <td data-label="Answer">{answerOf(delivery)}</td>
            <td data-label="Attempts">{delivery.attempts}</td>
            <td data-label="Created">
              <Time at={delivery.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function answerOf({ responseStatus, lastError }: Delivery): string {
  if (responseStatus !== null) return `HTTP ${responseStatus}`
  return lastError === null ? '–' : lastError.code.replaceAll('_', ' ')
}
