import { api } from './api.ts'
import { useLoaded } from './load.ts'
import { Empty } from './parts/Empty.tsx'
import { Heading, portalTitle } from './parts/Heading.tsx'
import { ProblemNotice } from './parts/Notice.tsx'
import { Skeleton } from './parts/Skeleton.tsx'
import { Toast } from './parts/Toast.tsx'
import { links, type Route, useRoute } from './route.ts'
import { SessionContext } from './session.ts'
import { DeliveriesView } from './views/DeliveriesView.tsx'
import { DeliveryView } from './views/DeliveryView.tsx'
import { EndpointsView } from './views/EndpointsView.tsx'
import { EndpointView } from './views/EndpointView.tsx'

/** The page: its head, and the view that the address names. */
export function App() {
  const route = useRoute()
  const session = useLoaded('session', api.session)
  const inLog = route.path[0] === 'deliveries'
  return (
    <>
      <button
        type="button"
        class="skip"
        onClick={() => document.querySelector<HTMLElement>('h1')?.focus()}
      >
        Skip to content
      </button>
      <header class="top">
        <a class="brand" href={links.endpoints}>
          <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M8 16h9m0 0-4-4m4 4-4 4" />
            <circle cx="22.5" cy="16" r="2.6" />
          </svg>
          {portalTitle}
        </a>
        <nav aria-label="Main">
          <a href={links.endpoints} aria-current={inLog ? undefined : 'page'}>
            Endpoints
          </a>
          <a href={links.deliveries} aria-current={inLog ? 'page' : undefined}>
            Deliveries
          </a>
        </nav>
      </header>
      <main id="main">
        {session.value === null && session.problem === null && <Skeleton />}
        <ProblemNotice problem={session.problem} title="No access" retry={session.reload} />
        {session.value !== null && (
          <SessionContext.Provider value={session.value}>
            {session.value.actions.includes('read') ? <View route={route} /> : <NothingToSee />}
          </SessionContext.Provider>
        )}
      </main>
      <Toast />
    </>
  )
}

function View({ route: { path } }: { route: Route }) {
  const [part, id, below, deliveryId] = path
  if (part === undefined) return <EndpointsView />
  if (part === 'deliveries') return <DeliveriesView />
  if (
    part === 'endpoints' &&
    id !== undefined &&
    below === 'deliveries' &&
    deliveryId !== undefined
  ) {
    return <DeliveryView key={deliveryId} endpointId={id} id={deliveryId} />
  }
  if (part === 'endpoints' && id !== undefined) return <EndpointView key={id} id={id} />
  return (
    <section class="card">
      <Heading title="Not found">There is nothing here</Heading>
      <Empty title="The link may be old">
        <a href={links.endpoints}>To the endpoints</a>
      </Empty>
    </section>
  )
}

function NothingToSee() {
  return (
    <section class="card">
      <Empty title="You may not look at webhooks here">
        <p>Ask an administrator of your workspace for the permission to read.</p>
      </Empty>
    </section>
  )
}
