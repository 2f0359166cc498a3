/**
 * The transport over HTTP: guarded undici connections, or ky over a `fetch` of the host's. Our own
 * connections go without ky: measured, it doubles the time of a request, and would decide nothing.
 */
import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { WebhooksError } from '../errors.ts'
import { checkOptions } from '../option-names.ts'
import {
  type AddressGuard,
  type AddressGuardOptions,
  AddressRefusal,
  createAddressGuard,
} from './address-guard.ts'
import { Connections } from './connections.ts'
import { createConnector } from './connector.ts'
import { exchange } from './exchange.ts'
import { attemptErrorFrom, TransportFailure } from './failures.ts'
import { fetchExchange } from './fetch-exchange.ts'
import { createTargets } from './target.ts'
import type { Transport, TransportRequest, TransportResult } from './transport.ts'

/** Options of {@link httpTransport}. */
export interface HttpTransportOptions {
  /**
   * Sends through this function instead of our own connections: for tests with msw, and for hosts
   * that must use a client of theirs. URLs are judged by the address guard just before, but what
   * the function then connects to is out of the guard's hands. Default: our own connections.
   */
  fetch?: typeof globalThis.fetch | undefined
  /** Where deliveries may go: rules, or a guard made from them. Default: public addresses only. */
  addressGuard?: AddressGuard | AddressGuardOptions | undefined
  /** Connections open to one scheme, host and port at once; further requests wait. Default: 64. */
  maxConnectionsPerOrigin?: number | undefined
  /** How long an idle connection is kept for the next request, in milliseconds. Default: 4000. */
  keepAliveMs?: number | undefined
  /** Certificate authorities in PEM form that are trusted beside those that Node brings, and then instead of NODE_EXTRA_CA_CERTS. Default: none. */
  certificateAuthorities?: readonly string[] | undefined
}

/**
 * Creates the transport that sends deliveries over HTTP/1.1 with keep-alive, ignores proxy
 * variables, follows no redirect and connects only where the address guard allows.
 *
 * @throws WebhooksError `invalid_option`
 */
export function httpTransport(options: HttpTransportOptions = {}): Transport {
  checkOptions('httpTransport', options, [
    'fetch',
    'addressGuard',
    'maxConnectionsPerOrigin',
    'keepAliveMs',
    'certificateAuthorities',
  ])
  const guard = toGuard(options.addressGuard)
  const { fetch } = options
  const targetOf = createTargets(guard)
  const connections = new Connections({
    connector: createConnector(guard, createSecureContext(options.certificateAuthorities)),
    maxPerOrigin: positiveInteger('maxConnectionsPerOrigin', options.maxConnectionsPerOrigin, 64),
    keepAliveMs: positiveInteger('keepAliveMs', options.keepAliveMs, 4_000),
  })
  let closed = false

  async function send(request: TransportRequest): Promise<TransportResult> {
    try {
      if (closed) throw new TransportFailure('aborted', 'The transport is closed', 'sender')
      if (fetch !== undefined) return await fetchExchange(fetch, guard, request)
      return await exchange(connections, targetOf(request.url), request)
    } catch (error) {
      return { response: null, error: attemptErrorFrom(error) }
    }
  }

  async function checkUrl(url: string): Promise<void> {
    try {
      await guard.admit(url)
    } catch (error) {
      throw error instanceof AddressRefusal ? toWebhooksError(error) : error
    }
  }

  async function close(): Promise<void> {
    closed = true
    await connections.close()
  }

  return { send, checkUrl, close }
}

function toGuard(given: AddressGuard | AddressGuardOptions | undefined): AddressGuard {
  return given !== undefined && 'check' in given ? given : createAddressGuard(given)
}

function toWebhooksError({ code, message }: AddressRefusal): WebhooksError {
  if (code === 'invalid_url') {
    return new WebhooksError('invalid_url', `The URL is not accepted: ${message}.`)
  }
  if (code === 'address_refused') {
    return new WebhooksError(
      'address_refused',
      `The URL is refused: ${message}. Use a public address, or have the operator add an exception to addressGuard.allow.`,
    )
  }
  return new WebhooksError(
    'address_refused',
    `The URL is refused: ${message}. Check the host name, or try again if it is new.`,
  )
}

function createSecureContext(
  authorities: readonly string[] | undefined,
): tls.SecureContext | undefined {
  if (authorities === undefined) return undefined
  try {
    for (const pem of authorities) new X509Certificate(pem)
    return tls.createSecureContext({ ca: [...tls.rootCertificates, ...authorities] })
  } catch (cause) {
    throw new WebhooksError(
      'invalid_option',
      'The transport\'s "certificateAuthorities" must be a list of certificates in PEM form.',
      { cause },
    )
  }
}

function positiveInteger(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback
  if (Number.isInteger(value) && value > 0) return value
  throw new WebhooksError(
    'invalid_option',
    `The transport's "${name}" must be a whole number above zero, and is ${String(value)}.`,
  )
}
