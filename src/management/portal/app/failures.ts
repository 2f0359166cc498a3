import type { AttemptErrorCode, FaultOrigin } from '../../../model.ts'
import type { Attempt } from './api.ts'

/** A failed attempt in plain words. */
export interface Explanation {
  /** What happened, in a few words. */
  title: string
  what: string
  /** What the owner of the receiver can do about it. */
  advice: string
  fault: string
}

type Words = Omit<Explanation, 'fault'>

const faults: Record<FaultOrigin, string> = {
  receiver: 'The receiver: your server, or what stands in front of it.',
  network: 'The way there: the network, the address or the certificate.',
  sender: 'Us. It costs this delivery no retry, and does not count against the endpoint.',
}

const words: Record<AttemptErrorCode, Words> = {
  http_status: {
    title: 'The receiver said no',
    what: 'It answered, but not with a status from 200 to 299, which is what "received" means.',
    advice:
      'Look into your server’s log at this time, and answer 2xx as soon as you have stored the event.',
  },
  redirect: {
    title: 'The receiver sent us elsewhere',
    what: 'It answered with a redirect. Signed requests are not carried on to other addresses.',
    advice:
      'Change the URL of this endpoint to where the redirect leads. Often it is https, or a slash at the end.',
  },
  timeout: {
    title: 'The answer took too long',
    what: 'The connection stood, but the time for an answer ran out.',
    advice:
      'Answer 2xx first and do the work afterwards. You may have received this event: its webhook-id tells.',
  },
  connect_timeout: {
    title: 'Nobody picked up',
    what: 'No connection came about in time. Usually something drops the packets on the way.',
    advice:
      'Check that the host is up, and that a firewall lets our requests through to this port.',
  },
  connection_refused: {
    title: 'The door was closed',
    what: 'The host is there, and nothing listens on this port.',
    advice: 'Start your server, or correct the port in the URL.',
  },
  connection_reset: {
    title: 'The line was cut',
    what: 'The connection was closed before an answer came.',
    advice:
      'Look for a crash or a restart of your server or its proxy at this time. You may have received this event: its webhook-id tells.',
  },
  connection_failed: {
    title: 'No connection',
    what: 'The network found no way to the host.',
    advice: 'Check that the host can be reached from outside of your own network.',
  },
  dns_not_found: {
    title: 'Unknown host name',
    what: 'The name in the URL does not exist in the DNS.',
    advice: 'Correct the host name in the URL, or add the missing DNS record.',
  },
  dns_failed: {
    title: 'The name could not be looked up',
    what: 'Our resolver did not work, so that we could not find your host.',
    advice: 'There is nothing that you need to do. We try again.',
  },
  tls_failed: {
    title: 'No secure connection',
    what: 'The certificate or the TLS settings of the host were not accepted.',
    advice:
      'Check that the certificate is valid, is made out to this host name, and comes with its intermediates.',
  },
  address_refused: {
    title: 'The address is not allowed',
    what: 'The host name leads to an address inside of a private or reserved network.',
    advice: 'Use a URL whose host has a public address.',
  },
  invalid_response: {
    title: 'The answer made no sense',
    what: 'What came back was not HTTP, or had far too large headers.',
    advice: 'Check that the URL and its port lead to your web server, and whether it wants https.',
  },
  internal: {
    title: 'Something failed on our side',
    what: 'The attempt did not get as far as your server.',
    advice: 'There is nothing that you need to do. We try again.',
  },
  aborted: {
    title: 'We were interrupted',
    what: 'Our process was shut down in the middle of the attempt.',
    advice:
      'There is nothing that you need to do. We try again. If you got this event already, its webhook-id tells.',
  },
}

/** Statuses about which more can be said than that they are no success. */
const statusWords: Record<number, Words> = {
  401: {
    title: 'The receiver wants credentials',
    what: 'It answered 401: the request carried no credentials that it knows.',
    advice: 'Let this path through your authentication. The signature is what proves who sends.',
  },
  403: {
    title: 'The receiver forbids it',
    what: 'It answered 403. Often a firewall or bot protection answers so, before your code is reached.',
    advice: 'Make an exception for this path in your firewall or bot protection.',
  },
  404: {
    title: 'Nothing at this path',
    what: 'It answered 404: there is no such path on that server.',
    advice: 'Correct the URL of this endpoint, or deploy the route that should answer here.',
  },
  405: {
    title: 'The path takes no POST',
    what: 'It answered 405: events are sent by POST, and the path does not take that.',
    advice: 'Accept POST on this path. A redirect on your side may also have turned POST into GET.',
  },
  410: {
    title: 'Gone for good',
    what: 'It answered 410, which means that it wants no more events. So the endpoint was switched off.',
    advice: 'If that was a mistake, enable the endpoint and recover what it missed.',
  },
  413: {
    title: 'Too large for the receiver',
    what: 'It answered 413: the body is larger than it takes.',
    advice: 'Raise the body limit of your server or proxy: a few hundred KB are enough.',
  },
  429: {
    title: 'Too many requests',
    what: 'It answered 429. We wait as long as it asked, and hold back other events as well.',
    advice: 'Raise the limit on your side, or ask for a rate limit on this endpoint.',
  },
}

/** Says why an attempt failed, whose fault that is and what can be done. */
export function explain(
  error: NonNullable<Attempt['error']>,
  status: number | null | undefined,
): Explanation {
  return { ...wordsFor(error.code, status ?? null), fault: faults[error.origin] }
}

function wordsFor(code: AttemptErrorCode, status: number | null): Words {
  if (code !== 'http_status' || status === null) return words[code] ?? words.internal
  const known = statusWords[status]
  if (known !== undefined) return known
  if (status < 500)
    return { ...words.http_status, what: `It answered ${status}. ${words.http_status.what}` }
  return {
    title: 'The receiver failed',
    what: `It answered ${status}: something went wrong on its side while it handled the event.`,
    advice: 'Look for the error in your server’s log at this time.',
  }
}
