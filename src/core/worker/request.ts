import type { EndpointRecord, EventRecord } from '../../storage/storage.ts'
import type { Context } from '../context.ts'
import { signCustom } from '../signing/custom-signature.ts'
import { openHeaders, openSecret, unexpired } from '../signing/endpoint-secrets.ts'
import type { SecretBox } from '../signing/secret-box.ts'
import { sign } from '../signing/signer.ts'

/**
 * The headers of one attempt. Built in one map of lower-case names, ours last, so that no custom
 * header can stand beside or replace one of ours.
 *
 * @param secrets - See {@link signingSecrets}.
 * @throws WebhooksError `decryption_failed`
 */
export function requestHeaders(
  event: EventRecord,
  endpoint: EndpointRecord,
  { settings, secretBox }: Pick<Context, 'settings' | 'secretBox'>,
  { secrets, now }: { secrets: string[]; now: Date },
): Record<string, string> {
  const message = { id: event.id, timestamp: now, body: event.body, secrets }
  return {
    ...openHeaders(secretBox, endpoint, endpoint.headers),
    ...(settings.customSignature ? signCustom(settings.customSignature, message) : {}),
    'content-type': 'application/json',
    // A compressed answer could unpack to any size; identity is what is counted and kept.
    'accept-encoding': 'identity',
    'user-agent': settings.userAgent,
    'webhook-id': event.id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': sign(message),
  }
}

/**
 * Secrets that sign at this instant, the current one first: during a rotation there are two.
 *
 * @throws WebhooksError `decryption_failed`
 */
export function signingSecrets(box: SecretBox, endpoint: EndpointRecord, now: Date): string[] {
  return unexpired(endpoint.secrets, now)
    .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
    .map(({ value }) => openSecret(box, endpoint, value))
}
