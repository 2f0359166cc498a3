import type { TransportRequest } from '../../src/index.ts'

/** A request of which only its place matters. */
export function requestTo(url: string): TransportRequest {
  return {
    url,
    headers: {},
    body: '{}',
    timeoutMs: 5_000,
    connectTimeoutMs: 5_000,
    maxResponseBytes: 16_384,
    signal: new AbortController().signal,
  }
}
