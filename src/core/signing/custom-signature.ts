import { createHmac } from 'node:crypto'
import { WebhooksError } from '../../errors.ts'
import { checkOptions } from '../../option-names.ts'
import { checkHeaderName } from './header-name.ts'
import { listSecrets } from './secret-format.ts'
import { type SignInput, signingKey, toUnixSeconds } from './signer.ts'

/**
 * A home-made signature, sent beside the standard one, so that receivers which still check it keep
 * working during a move. HMAC-SHA256, which is what such headers carry.
 */
export interface CustomSignatureOptions {
  /** The header that carries it, such as `X-AINexLayer-Signature`. */
  header: string
  /** How its bytes are written. Default `hex`, in lower case. */
  encoding?: 'hex' | 'base64' | undefined
  /** Text before it, such as `sha256=`: visible ASCII characters. Default none. */
  prefix?: string | undefined
  /**
   * A header that carries the attempt's time in seconds since 1970, such as
   * `X-AINexLayer-Timestamp`. With it, `timestamp.body` is signed; without it, the body alone.
   */
  timestampHeader?: string | undefined
  /**
   * What the receiver's code takes as HMAC key. `literal` (default): the text of the secret as the
   * receiver holds it, any `whsec_` included. `decoded`: the bytes that the secret's base64 stands
   * for, so that an old secret of any text can be stored as `whsec_` and its base64, provided
   * that it has 24 to 64 bytes.
   */
  key?: 'literal' | 'decoded' | undefined
}

/** A {@link CustomSignatureOptions} that was checked and completed. */
export interface CustomSignature {
  /** Lower case. */
  readonly header: string
  readonly encoding: 'hex' | 'base64'
  readonly prefix: string
  /** Lower case. */
  readonly timestampHeader: string | undefined
  readonly key: 'literal' | 'decoded'
}

/**
 * Checks a home-made signature scheme and fills in its defaults.
 *
 * @example
 * customSignature({ header: 'X-AINexLayer-Signature', prefix: 'sha256=' })
 *
 * @throws WebhooksError `invalid_header` for a name that is no header name or is not free;
 * `invalid_option` for anything else.
 */
export function customSignature(options: CustomSignatureOptions): CustomSignature {
  checkOptions('signing.custom', options, [
    'header',
    'encoding',
    'prefix',
    'timestampHeader',
    'key',
  ])
  const { encoding = 'hex', prefix = '', key = 'literal' } = options
  const header = checkHeaderName(options.header)
  const timestampHeader =
    options.timestampHeader === undefined ? undefined : checkHeaderName(options.timestampHeader)
  if (timestampHeader === header) {
    throw invalidOption(`header and timestampHeader are both "${header}": they must differ`)
  }
  checkOneOf('encoding', encoding, ['hex', 'base64'])
  checkOneOf('key', key, ['literal', 'decoded'])
  if (typeof prefix !== 'string' || !/^[!-~]{0,64}$/.test(prefix)) {
    throw invalidOption('prefix must be at most 64 visible ASCII characters, such as sha256=')
  }
  return { header, encoding, prefix, timestampHeader, key }
}

/**
 * The headers of a home-made signature. Such a header has room for one value, so the first of the
 * secrets signs: the newest one. Ed25519 keys are passed over, for their receiver has no shared
 * secret to check an HMAC with; where there is no other secret, no header is added.
 *
 * @throws WebhooksError `invalid_secret`, `invalid_option`
 */
export function signCustom(
  scheme: CustomSignature,
  { timestamp, body, secrets }: SignInput,
): Record<string, string> {
  const secret = listSecrets(secrets).find((candidate) => signingKey(candidate).kind === 'hmac')
  if (secret === undefined) return {}
  const hmac = createHmac('sha256', scheme.key === 'literal' ? secret : signingKey(secret).key)
  const headers: Record<string, string> = {}
  if (scheme.timestampHeader !== undefined) {
    const seconds = String(toUnixSeconds(timestamp))
    headers[scheme.timestampHeader] = seconds
    hmac.update(`${seconds}.`)
  }
  headers[scheme.header] = scheme.prefix + hmac.update(body).digest(scheme.encoding)
  return headers
}

function checkOneOf(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw invalidOption(`${name} must be ${allowed.join(' or ')}`)
}

function invalidOption(message: string): WebhooksError {
  return new WebhooksError('invalid_option', `Custom signature: ${message}`)
}
