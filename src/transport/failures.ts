/** Puts what went wrong with a request into the words of the delivery log. */
import { isNetworkError } from 'ky'
import { errors } from 'undici'
import type { AttemptError, AttemptErrorCode, FaultOrigin } from '../model.ts'
import { AddressRefusal } from './address-guard.ts'

/** A failure that knows its place in the delivery log. */
export class TransportFailure extends Error {
  readonly code: AttemptErrorCode
  readonly origin: FaultOrigin

  constructor(code: AttemptErrorCode, message: string, origin: FaultOrigin, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.origin = origin
  }
}

/** A foreign message is cut there: receivers decide what some of them say. */
const maxDetailLength = 500

/**
 * What the codes of Node, OpenSSL and undici mean. Messages are ours, because foreign ones may
 * quote addresses or URLs; only the code, and for TLS and HTTP the finding, is taken over.
 */
const knownCodes: Record<string, [AttemptErrorCode, FaultOrigin, string]> = {
  ECONNREFUSED: ['connection_refused', 'receiver', 'The receiver refused the connection'],
  ECONNRESET: ['connection_reset', 'receiver', 'The receiver closed the connection'],
  ECONNABORTED: ['connection_reset', 'receiver', 'The receiver closed the connection'],
  EPIPE: ['connection_reset', 'receiver', 'The receiver closed the connection'],
  UND_ERR_SOCKET: ['connection_reset', 'receiver', 'The receiver closed the connection'],
  UND_ERR_DESTROYED: ['aborted', 'sender', 'The attempt was given up by the sender'],
  ETIMEDOUT: ['connect_timeout', 'network', 'The connection timed out'],
  EHOSTUNREACH: ['connection_failed', 'network', 'The receiver cannot be reached'],
  EHOSTDOWN: ['connection_failed', 'network', 'The receiver cannot be reached'],
  ENETUNREACH: ['connection_failed', 'network', 'The network of the receiver cannot be reached'],
  ENETDOWN: ['connection_failed', 'sender', 'The network is down'],
  UND_ERR_CONNECT_TIMEOUT: ['connect_timeout', 'network', 'The connection timed out'],
  // A fetch of the host's does its own look-ups.
  ENOTFOUND: ['dns_not_found', 'receiver', 'The host name cannot be resolved'],
  EAI_AGAIN: ['dns_failed', 'sender', 'The name server did not answer'],
  UND_ERR_HEADERS_OVERFLOW: ['invalid_response', 'receiver', 'The answer has too many headers'],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: [
    'invalid_response',
    'receiver',
    'The answer is not as long as it says',
  ],
}

/** Reads any error that ended a request before its status line came. */
export function attemptErrorFrom(error: unknown): AttemptError {
  if (error instanceof TransportFailure) return pick(error)
  if (error instanceof AddressRefusal) return fromRefusal(error)
  if (error instanceof errors.HTTPParserError || isBadAnswer(error)) {
    return {
      code: 'invalid_response',
      message: `The answer is not valid HTTP/1.1 (${error.message.slice(0, maxDetailLength)})`,
      origin: 'receiver',
    }
  }
  const code = codeOf(error)
  // TLS 1.3 lets a receiver refuse us, or our certificate, after the handshake (RFC 8446 section 4.4.2).
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return pick(tlsFailure(error))
  const known = knownCodes[code]
  if (known === undefined) return isNetworkError(error) ? networkError(code) : internal(code)
  return { code: known[0], origin: known[1], message: `${known[2]} (${code})` }
}

/** The attempt's total time ran out. */
export function timedOut(timeoutMs: number, stoodStill: boolean): TransportFailure {
  const failure = new TransportFailure('timeout', `No answer within ${timeoutMs} ms`, 'receiver')
  return stoodStill ? unheard(failure) : failure
}

/** Others of ours had all connections that may be open to the receiver. */
export function crowdedOut(timeoutMs: number): TransportFailure {
  return new TransportFailure('timeout', `No connection was free within ${timeoutMs} ms`, 'sender')
}

/** A process that stood still until the time was over cannot say that nobody answered. */
export function unheard({ code, message }: TransportFailure): TransportFailure {
  return new TransportFailure(code, `${message}, in which this process stood still`, 'sender')
}

/** An answer had begun, and broke what reads it: undici asserts what its parser does not check. */
export function unreadable(error: unknown): AttemptError {
  return {
    code: 'invalid_response',
    message: `The answer cannot be read (${codeOf(error)})`,
    origin: 'receiver',
  }
}

/** The engine gave the attempt up, or closed the transport. */
export function aborted(): TransportFailure {
  return new TransportFailure('aborted', 'The attempt was given up by the sender', 'sender')
}

/** Reads an error of the TLS handshake. */
export function tlsFailure(error: unknown): TransportFailure {
  const detail = `${codeOf(error)}: ${tlsFinding(error)}`.slice(0, maxDetailLength)
  return new TransportFailure('tls_failed', `No TLS connection (${detail})`, 'receiver', error)
}

/**
 * OpenSSL's messages hold an address in our memory, which is nobody's business; where Node knows
 * the reason apart from it, that is enough. The advice behind a semicolon is for who runs Node.
 */
function tlsFinding(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('reason' in error && typeof error.reason === 'string') return error.reason
  return error.message.split(';', 1)[0] ?? ''
}

/** undici's way to say that an answer came which it did not ask for, such as 101. */
function isBadAnswer(error: unknown): error is Error {
  return error instanceof errors.SocketError && error.message.startsWith('bad ')
}

function fromRefusal({ code, message, origin }: AddressRefusal): AttemptError {
  const refused = code === 'invalid_url' || code === 'address_refused'
  return refused
    ? { code: 'address_refused', message: `The URL is refused: ${message}`, origin }
    : { code, message: `The host name cannot be resolved: ${message}`, origin }
}

function networkError(code: string): AttemptError {
  return {
    code: 'connection_failed',
    message: `The connection failed (${code})`,
    origin: 'network',
  }
}

function internal(code: string): AttemptError {
  return { code: 'internal', message: `The request could not be sent (${code})`, origin: 'sender' }
}

function pick({ code, message, origin }: AttemptError): AttemptError {
  return { code, message, origin }
}

/** The `code` of an error or of the innermost of its causes that has one; else its name. */
function codeOf(error: unknown): string {
  let code = error instanceof Error ? error.name : 'unknown error'
  let current = error
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    if ('code' in current && typeof current.code === 'string') code = current.code
    current = current.cause
  }
  return code.slice(0, 64)
}
