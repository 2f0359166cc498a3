/** Where a request goes, read from its URL once and for all of its attempts. */
import { type AddressGuard, parseUrl } from './address-guard.ts'

/** A URL that the guard accepts as far as it can be judged without a look-up. */
export interface Target {
  url: URL
  /** Scheme, host and port: what a connection is made for. */
  origin: string
  /** Path and query: what the request line says. */
  path: string
}

/** URLs remembered by one transport; beyond it the memory starts anew. */
const maxTargets = 1_000

/**
 * Creates a function that turns a URL into a target. Guards never change, so neither does what
 * they say about a URL by itself: it is parsed and judged once, and costs later requests nothing.
 */
export function createTargets(guard: AddressGuard): (url: string) => Target {
  const targets = new Map<string, Target>()

  return (text) => {
    const known = targets.get(text)
    if (known !== undefined) return known
    const url = parseUrl(text)
    guard.checkUrl(url)
    const target = { url, origin: url.origin, path: `${url.pathname}${url.search}` }
    if (targets.size >= maxTargets) targets.clear()
    targets.set(text, target)
    return target
  }
}
