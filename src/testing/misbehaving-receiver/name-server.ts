import type { NameAnswer } from './behaviour.ts'

/** What `addressGuard.lookup` takes: a host name in, its addresses out. */
export type NameServer = (hostname: string) => Promise<readonly string[]>

/** Creates the look-up of one name: it leads to loopback once, and then where `later` says. */
export function createNameServer(name: string, later: NameAnswer): NameServer {
  let asked = 0

  return async (hostname) => {
    if (hostname !== name) throw failure('ENOTFOUND', hostname)
    if (asked++ === 0) return ['127.0.0.1']
    if (later === 'silence') return new Promise(() => {})
    if (typeof later === 'string') throw failure(later, hostname)
    return later
  }
}

/** An error as `node:dns` makes them. */
function failure(code: string, hostname: string): Error {
  return Object.assign(new Error(`queryA ${code} ${hostname}`), { code, hostname })
}
