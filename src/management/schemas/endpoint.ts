import * as z from 'zod'
import { count, flag, instant, instantOrNull, pageOf, pageQuery, text } from './common.ts'
import { about, component } from './documentation.ts'
import { filterSchema, givenFilter } from './filter.ts'

const rateLimit = component(
  'RateLimit',
  'How often, at most, an endpoint is called.',
  z.object({
    limit: about('Requests per interval.', z.int().min(1)),
    intervalMs: about('Milliseconds.', z.int().min(1)),
  }),
)

const retry = component(
  'RetryPolicy',
  'When failed attempts are repeated.',
  z.object({
    delaysMs: about(
      'One number per attempt, in milliseconds, each counted from the previous attempt.',
      z.array(z.number()),
    ),
    jitter: about('Up to this share is added to each delay at random.', z.number()),
  }),
)

const endpointFields = {
  id: text('`ep_…`'),
  tenantId: text('The owner.'),
  url: text('Where events are sent.'),
  description: text("The owner's own words."),
  events: about('Patterns over event types.', z.array(z.string())),
  channels: about('If any, only events emitted to one of them are received.', z.array(z.string())),
  filter: filterSchema.nullable(),
  headerNames: about(
    'Names of the custom headers sent with each request. Their values are never shown.',
    z.array(z.string()),
  ),
  rateLimit: rateLimit.nullable(),
  retry: retry.nullable(),
  metadata: about('Free data: strings.', z.record(z.string(), z.string())),
  active: about('An inactive endpoint receives nothing.', z.boolean()),
  disabledAt: instantOrNull('When it was switched off.'),
  disabledReason: about(
    '`gone`: it answered 410. `failing`: nothing succeeded for days.',
    z.enum(['manual', 'gone', 'failing']).nullable(),
  ),
  pausedUntil: instantOrNull('No request goes out before this instant.'),
  failingSince: instantOrNull('Start of the current streak of failed attempts.'),
  failedAttempts: count('Failed attempts since the last success.'),
  createdAt: instant('When it was created.'),
  updatedAt: instant('When its owner last changed it.'),
  version: about('Rises by one on each change; the ETag.', z.int().min(1)),
}

/** An endpoint. */
export const endpointSchema = component(
  'Endpoint',
  'A receiver of events. Its secrets and the values of its headers are never shown.',
  z.object(endpointFields),
)

/** An endpoint with its secret. */
export const endpointWithSecretSchema = component(
  'EndpointWithSecret',
  'An endpoint, with the one look at its secret.',
  z.object({
    ...endpointFields,
    secret: text(
      '`whsec_…`, or with `v1a` the public key `whpk_…`. Shown this once: store it now.',
    ),
  }),
)

/** A page of endpoints. */
export const endpointPageSchema = pageOf('EndpointPage', endpointSchema)

/** What a list of endpoints takes. */
export const endpointListQuery = z.strictObject({
  ...pageQuery,
  active: flag('Only active, or only inactive endpoints.').optional(),
})

/** `new URL` drops these without a word; the URL that is shown would not be the one that is called. */
const urlCharacters = /^[^\p{Cc}\s]*$/u

/** Settings that an owner may give. What they hold is judged by the library, which has its own codes. */
const settings = {
  url: about(
    'http or https, without credentials, to an address that may be called.',
    z
      .string()
      .max(2_048)
      .regex(urlCharacters, 'must hold no spaces, line breaks or control characters'),
  ),
  events: about(
    'Patterns over event types: exact names, `document.*` (any depth below), or `*`.',
    z.array(z.string().max(256)).min(1).max(100),
  ),
  channels: about(
    'If any, only events emitted to one of them are received.',
    z.array(z.string()).max(10),
  ).optional(),
  filter: z.union([givenFilter, z.null()]).optional(),
  description: about("The owner's own words.", z.string().max(1_000)).optional(),
  headers: about(
    'Headers sent with each request, such as an API key. Their values are never shown again.',
    z.record(z.string(), z.string().max(1_024)),
  ).optional(),
  rateLimit: component(
    'RateLimitInput',
    'How often, at most, the endpoint is called.',
    z.strictObject({
      limit: z.int().min(1).max(1_000_000),
      intervalMs: z.int().min(1).max(86_400_000),
    }),
  )
    .nullable()
    .optional(),
  retry: component(
    'RetryPolicyInput',
    'A retry schedule for this endpoint alone.',
    z.strictObject({
      delaysMs: z.array(z.number().min(0)).min(1).max(100).optional(),
      jitter: z.number().min(0).max(1).optional(),
    }),
  )
    .nullable()
    .optional(),
  metadata: about(
    'Free data: up to 50 strings.',
    z.record(z.string().min(1).max(64), z.string().max(1_024)),
  ).optional(),
}

const secretInput = {
  signature: about(
    '`v1`: HMAC-SHA256 with a shared secret. `v1a`: Ed25519, the receiver holds a public key.',
    z.enum(['v1', 'v1a']),
  ).optional(),
  secret: about(
    'A secret of your own, for example in a move. Default: a random one.',
    z.string().max(256),
  ).optional(),
}

/** What creates an endpoint. */
export const createEndpointSchema = component(
  'CreateEndpoint',
  'A new endpoint. It receives events emitted from now on.',
  z.strictObject({
    ...settings,
    ...secretInput,
    active: about('Whether it receives events at once. Default true.', z.boolean()).optional(),
  }),
)

/** What changes an endpoint. */
export const updateEndpointSchema = component(
  'UpdateEndpoint',
  'What is given changes, the rest stays. `headers` and `metadata` are replaced as a whole.',
  z.strictObject({ ...settings, url: settings.url.optional(), events: settings.events.optional() }),
)

/** What renews a secret. */
export const rotateSecretSchema = component(
  'RotateSecret',
  'Which secret the endpoint gets. Default: a random one of the kind that it has.',
  z.strictObject(secretInput),
)
