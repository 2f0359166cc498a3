import { useState } from 'preact/hooks'
import { api, type Endpoint, type EndpointWithSecret } from '../api.ts'
import { visible } from '../format.ts'
import { useLoaded } from '../load.ts'
import { EndpointBadge } from '../parts/Badge.tsx'
import { Empty } from '../parts/Empty.tsx'
import { EndpointForm } from '../parts/EndpointForm.tsx'
import { Figures } from '../parts/Figures.tsx'
import { Heading } from '../parts/Heading.tsx'
import { ProblemNotice } from '../parts/Notice.tsx'
import { SecretDialog } from '../parts/SecretDialog.tsx'
import { Skeleton } from '../parts/Skeleton.tsx'
import { Time } from '../parts/Time.tsx'
import { links } from '../route.ts'
import { useCan } from '../session.ts'

const refreshMs = 5_000

/** All endpoints, and how delivering goes. */
export function EndpointsView() {
  const can = useCan()
  const { value, problem, reload } = useLoaded('endpoints', () => api.endpoints(), refreshMs)
  const [isAdding, setAdding] = useState(false)
  const [created, setCreated] = useState<EndpointWithSecret | null>(null)
  const add = can('write') && (
    <button type="button" class="primary" onClick={() => setAdding(true)}>
      Add endpoint
    </button>
  )
  return (
    <>
      <div class="view-head">
        <div>
          <Heading title="Endpoints">Endpoints</Heading>
          <p class="muted">Where your events are sent, and how that goes.</p>
        </div>
        {value !== null && value.total > 0 && add}
      </div>
      <ProblemNotice problem={problem} title="Endpoints cannot be read" retry={reload} />
      {value === null && problem === null && <Skeleton />}
      {value?.total === 0 && (
        <section class="card">
          <Empty title="No endpoints yet">
            <p>An endpoint is a URL of yours that receives events as signed POST requests.</p>
            {add}
          </Empty>
        </section>
      )}
      {value !== null && value.total > 0 && (
        <>
          <ul class="endpoints">
            {value.items.map((endpoint) => (
              <EndpointRow key={endpoint.id} endpoint={endpoint} />
            ))}
          </ul>
          {value.total > value.items.length && (
            <p class="muted">
              The newest {value.items.length} of {value.total} are shown.
            </p>
          )}
          <Figures endpointId={null} />
        </>
      )}
      {isAdding && (
        <EndpointForm
          endpoint={null}
          onClose={() => setAdding(false)}
          save={async (input) => {
            setCreated(await api.create(input))
            setAdding(false)
            await reload()
          }}
        />
      )}
      {created !== null && (
        <SecretDialog
          endpoint={created}
          isNew
          onClose={() => {
            location.hash = links.endpoint(created.id)
          }}
        />
      )}
    </>
  )
}

function EndpointRow({ endpoint }: { endpoint: Endpoint }) {
  const { id, url, description, events, createdAt } = endpoint
  return (
    <li class="endpoint">
      <div class="grow">
        <a href={links.endpoint(id)}>{visible(description || url)}</a>
        {description !== '' && <p class="mono muted cut">{visible(url)}</p>}
        <p class="chips">
          {events.slice(0, 4).map((pattern) => (
            <code key={pattern}>{pattern === '*' ? 'all events' : visible(pattern)}</code>
          ))}
          {events.length > 4 && <span class="muted">and {events.length - 4} more</span>}
        </p>
      </div>
      <div class="side">
        <EndpointBadge endpoint={endpoint} />
        <span class="muted">
          created <Time at={createdAt} />
        </span>
      </div>
    </li>
  )
}
