import { api } from '../api.ts'
import { visible } from '../format.ts'
import { useLoaded } from '../load.ts'
import { EndpointBadge } from '../parts/Badge.tsx'
import { DeliveryLog } from '../parts/DeliveryLog.tsx'
import { EndpointActions } from '../parts/EndpointActions.tsx'
import { EndpointNotes } from '../parts/EndpointNotes.tsx'
import { Figures } from '../parts/Figures.tsx'
import { Heading } from '../parts/Heading.tsx'
import { ProblemNotice } from '../parts/Notice.tsx'
import { Skeleton } from '../parts/Skeleton.tsx'
import { links } from '../route.ts'

const refreshMs = 5_000

/** One endpoint: its state, what can be done with it, its log. */
export function EndpointView({ id }: { id: string }) {
  const { value, problem, reload } = useLoaded(`endpoint ${id}`, () => api.endpoint(id), refreshMs)
  return (
    <>
      <nav aria-label="Breadcrumb" class="crumbs">
        <a href={links.endpoints}>Endpoints</a>
      </nav>
      {value === null && <Heading title="Endpoint">Endpoint</Heading>}
      <ProblemNotice problem={problem} title="The endpoint cannot be read" retry={reload} />
      {value === null && problem === null && <Skeleton />}
      {value !== null && (
        <>
          <div class="view-head">
            <div class="grow">
              <Heading title={value.description || value.url}>
                {visible(value.description || value.url)}
              </Heading>
              {value.description !== '' && <p class="mono wrap">{visible(value.url)}</p>}
              <p class="chips">
                <EndpointBadge endpoint={value} />
                {value.events.map((pattern) => (
                  <code key={pattern}>{pattern === '*' ? 'all events' : visible(pattern)}</code>
                ))}
              </p>
              <p class="muted mono">{value.id}</p>
            </div>
          </div>
          <EndpointNotes endpoint={value} />
          <EndpointActions endpoint={value} onChange={reload} />
          <Figures endpointId={id} />
          <DeliveryLog endpoint={value} />
        </>
      )}
    </>
  )
}
