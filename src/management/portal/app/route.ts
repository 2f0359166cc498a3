import { useEffect, useState } from 'preact/hooks'

/** Where in the page the visitor is. It stands behind the `#`, so that links and Back work. */
export interface Route {
  path: string[]
  query: Record<string, string>
}

function readHash(): Route {
  const [path = '', query = ''] = location.hash.slice(1).split('?')
  return {
    path: path.split('/').filter(Boolean).map(decode),
    query: Object.fromEntries(new URLSearchParams(query)),
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The link to a place in the page. */
function linkTo(path: string[], query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => !!entry[1])
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`
  return `#/${path.map(encodeURIComponent).join('/')}${search}`
}

export const links = {
  endpoints: linkTo([]),
  deliveries: linkTo(['deliveries']),
  endpoint: (id: string) => linkTo(['endpoints', id]),
  delivery: ({ endpointId, id }: { endpointId: string; id: string }) =>
    linkTo(['endpoints', endpointId, 'deliveries', id]),
}

export function useRoute(): Route {
  const [route, setRoute] = useState(readHash)
  useEffect(() => {
    const change = () => setRoute(readHash())
    addEventListener('hashchange', change)
    return () => removeEventListener('hashchange', change)
  }, [])
  return route
}

/** Changes the query of the place where the visitor is, without a step in the history. */
export function replaceQuery(path: string[], query: Record<string, string | undefined>): void {
  history.replaceState(null, '', linkTo(path, query))
  dispatchEvent(new HashChangeEvent('hashchange'))
}
