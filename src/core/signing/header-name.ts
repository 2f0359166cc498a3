import { WebhooksError } from '../../errors.ts'

/** Names that belong to the connection, to the message's framing, or to the sender. */
const reserved = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'traceparent',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
])

/** A header name is a token (RFC 9110, sections 5.1 and 5.6.2); names are compared in lower case. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/

/**
 * Checks the name of a header that a host adds to requests.
 *
 * @returns The name in lower case.
 * @throws WebhooksError `invalid_header`
 */
export function checkHeaderName(given: string): string {
  if (typeof given !== 'string' || !token.test(given)) {
    // Not quoted: it is often a whole line, with the value in it.
    throw new WebhooksError(
      'invalid_header',
      'A header name is 1 to 128 letters, digits and hyphens, such as X-Api-Key; what was given ' +
        'as one is not',
    )
  }
  const name = given.toLowerCase()
  if (reserved.has(name) || name.startsWith('webhook-')) {
    throw new WebhooksError(
      'invalid_header',
      `"${given}" is set by the sender or the connection; choose another name`,
    )
  }
  return name
}

/** Whether a text can be a header's value: visible ASCII and inner spaces (RFC 9110, section 5.5). */
export function isHeaderValue(text: string): boolean {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text)
}
