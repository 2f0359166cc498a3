import type { EndpointSettings, SecretRecord } from '../../storage/storage.ts'
import { mapValues } from '../map-values.ts'
import type { Place, SecretBox } from './secret-box.ts'

/** Whose secrets and header values they are: they are bound to it. */
export interface Owner {
  id: string
  tenantId: string
}

/** A signing secret as it is stored. */
export function sealSecret(box: SecretBox, owner: Owner, secret: string): string {
  return box.seal(secret, placeOf(owner, 'signing secret'))
}

/** A signing secret as it signs. @throws WebhooksError `decryption_failed` */
export function openSecret(box: SecretBox, owner: Owner, stored: string): string {
  return box.open(stored, placeOf(owner, 'signing secret'))
}

/** Custom headers as they are stored. */
export function sealHeaders(box: SecretBox, owner: Owner, headers: Headers): Headers {
  return mapValues(headers, (value, name) => box.seal(value, headerPlace(owner, name)))
}

/** Custom headers as they are sent. @throws WebhooksError `decryption_failed` */
export function openHeaders(box: SecretBox, owner: Owner, stored: Headers): Headers {
  return mapValues(stored, (value, name) => box.open(value, headerPlace(owner, name)))
}

/**
 * What has to be written so that everything of an endpoint is encrypted with the first key.
 *
 * @returns `null` if it is already.
 * @throws WebhooksError `decryption_failed`
 */
export function renewSecrets(
  box: SecretBox,
  endpoint: Owner & Pick<EndpointSettings, 'headers' | 'secrets'>,
  now: Date,
): Pick<EndpointSettings, 'headers' | 'secrets'> | null {
  const secrets = unexpired(endpoint.secrets, now).map((secret) => ({
    ...secret,
    value: box.renew(secret.value, placeOf(endpoint, 'signing secret')),
  }))
  const headers = mapValues(endpoint.headers, (value, name) =>
    box.renew(value, headerPlace(endpoint, name)),
  )
  const isSame =
    secrets.length === endpoint.secrets.length &&
    secrets.every(({ value }, index) => value === endpoint.secrets[index]?.value) &&
    Object.entries(headers).every(([name, value]) => value === endpoint.headers[name])
  return isSame ? null : { secrets, headers }
}

/** Secrets that still sign. */
export function unexpired(secrets: SecretRecord[], now: Date): SecretRecord[] {
  return secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
}

type Headers = Record<string, string>

function headerPlace(owner: Owner, name: string): Place {
  return placeOf(owner, `header ${name}`)
}

function placeOf({ id, tenantId }: Owner, name: string): Place {
  return { endpointId: id, tenantId, name }
}
