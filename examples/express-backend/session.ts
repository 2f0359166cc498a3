import type { IncomingHttpHeaders } from 'node:http'

/** Who calls: programs say it in a header, browsers in a cookie. In your backend: your sessions. */
export function workspaceIdOf(headers: IncomingHttpHeaders): string | undefined {
  const [, fromCookie] = /(?:^|; )workspace=(\w+)/.exec(headers.cookie ?? '') ?? []
  return headers['x-workspace-id']?.toString() || fromCookie
}
