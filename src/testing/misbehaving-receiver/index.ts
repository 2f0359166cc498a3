/** Receivers that do what receivers in the field do wrong, one thing each. */
import { WebhooksError } from '../../errors.ts'
import type { Behaviour } from './behaviour.ts'
import { kindsOfConnection, kindsOfProtocol } from './kinds-of-protocol.ts'
import {
  kindsOfGoodWill,
  kindsOfRedirect,
  kindsOfRefusal,
  kindsOfRetryAfter,
} from './kinds-of-status.ts'
import { kindsOfSize, kindsOfTime } from './kinds-of-time-and-size.ts'
import { kindsOfName, kindsOfTls } from './kinds-of-tls-and-names.ts'
import { type MisbehavingReceiver, startReceiver } from './server.ts'

export type { ReceivedRequest } from './behaviour.ts'
export type { NameServer } from './name-server.ts'
export type { MisbehavingReceiver } from './server.ts'

const behaviours = {
  ...kindsOfTime,
  ...kindsOfSize,
  ...kindsOfProtocol,
  ...kindsOfConnection,
  ...kindsOfRedirect,
  ...kindsOfRefusal,
  ...kindsOfRetryAfter,
  ...kindsOfTls,
  ...kindsOfName,
  ...kindsOfGoodWill,
}

/** What a receiver does wrong, in words. The list at run time: {@link misbehaviours}. */
export type Misbehaviour = keyof typeof behaviours

/** Every kind of {@link misbehavingReceiver}, to try a sender against all of them. */
export const misbehaviours = Object.keys(behaviours) as readonly Misbehaviour[]

/**
 * Starts a real server on loopback that misbehaves as the kind says: it hangs, drips, floods,
 * lies about lengths, breaks off, redirects, throttles, shows bad certificates or moves to a
 * private address. Three kinds behave well, to compare: `answers 200`, `answers 200 over TLS` and
 * `asks to keep the connection for an hour`.
 *
 * Let the sender under test call `127.0.0.1`, trust `certificateAuthority` and resolve by `lookup`;
 * close the receiver when the test is over.
 *
 * @example
 * const receiver = await misbehavingReceiver('endless body')
 * const transport = httpTransport({
 *   addressGuard: { allow: ['127.0.0.1'], lookup: receiver.lookup },
 *   certificateAuthorities: [receiver.certificateAuthority],
 * })
 * const webhooks = createWebhooks({ events, storage: memoryStorage(), transport })
 * await webhooks.start()
 * await webhooks.endpoints.create({ url: receiver.url, events: ['*'] })
 * // emit, wait, look at webhooks.deliveries.attempts
 * await webhooks.stop()
 * await receiver.close()
 *
 * @throws WebhooksError `invalid_option`
 */
export async function misbehavingReceiver(kind: Misbehaviour): Promise<MisbehavingReceiver> {
  const behaviour: Behaviour | undefined = behaviours[kind]
  if (behaviour === undefined) {
    throw new WebhooksError(
      'invalid_option',
      `There is no misbehaviour "${kind}"; the list is "misbehaviours".`,
    )
  }
  return startReceiver(behaviour)
}
