import * as z from 'zod'
import { count, givenInstant, instant, instantOrNull, pageOf, pageQuery, text } from './common.ts'
import { about, component } from './documentation.ts'

const attemptError = component(
  'AttemptError',
  'Why an attempt did not succeed.',
  z.object({
    code: about(
      'For programs.',
      z.enum([
        'http_status',
        'redirect',
        'timeout',
        'connect_timeout',
        'connection_refused',
        'connection_reset',
        'connection_failed',
        'dns_not_found',
        'dns_failed',
        'tls_failed',
        'address_refused',
        'invalid_response',
        'internal',
        'aborted',
      ]),
    ),
    message: text('For people.'),
    origin: about(
      'Whose doing it was. Failures of `sender` cost neither retries nor health.',
      z.enum(['receiver', 'network', 'sender']),
    ),
  }),
)

const status = z.enum(['pending', 'succeeded', 'failed', 'cancelled'])

/** A delivery. */
export const deliverySchema = component(
  'Delivery',
  'One event owed to one endpoint.',
  z.object({
    id: text('`dlv_…`'),
    tenantId: text('The owner.'),
    eventId: text('`evt_…`, sent as `webhook-id`.'),
    endpointId: text('`ep_…`'),
    eventType: text('Such as `document.processed`.'),
    status: about('`pending` with attempts is retrying; the others are final.', status),
    attempts: count('Attempts made so far, our own faults not counted.'),
    nextAttemptAt: instantOrNull('When the next attempt is due.'),
    responseStatus: about('Status of the last answer.', z.int().nullable()),
    lastError: attemptError.nullable(),
    cancelReason: about(
      'Why it was cancelled.',
      z.enum(['manual', 'endpoint_disabled', 'endpoint_deleted']).nullable(),
    ),
    createdAt: instant('When it was created.'),
    completedAt: instantOrNull('When its status became final.'),
  }),
)

/** A page of deliveries. */
export const deliveryPageSchema = pageOf('DeliveryPage', deliverySchema)

const hidden = 'Without the permission `payloads`: `null`.'

/** An attempt. */
export const attemptSchema = component(
  'Attempt',
  'One HTTP request of a delivery.',
  z.object({
    id: text('`att_…`'),
    tenantId: text('The owner.'),
    deliveryId: text('`dlv_…`'),
    eventId: text('`evt_…`'),
    endpointId: text('`ep_…`'),
    number: about('1 for the first.', z.int().min(1)),
    startedAt: instant('When it began.'),
    durationMs: about('Milliseconds.', z.number().min(0)),
    succeeded: z.boolean(),
    url: text('Where it went.'),
    requestHeaders: about(
      'As sent; signatures and custom values read `[redacted]`.',
      z.record(z.string(), z.string()),
    ),
    response: component(
      'AttemptResponse',
      'What the receiver answered, as far as it was read.',
      z.object({
        status: z.int(),
        headers: z.record(z.string(), z.string()),
        body: about(`The first bytes as text. ${hidden}`, z.string().nullable()),
        bodyTruncated: about('Whether there was more than was read.', z.boolean()),
      }),
    ).nullable(),
    error: attemptError.nullable(),
  }),
)

/** A delivery with everything about it. */
export const deliveryDetailsSchema = component(
  'DeliveryDetails',
  'A delivery with its event and every attempt, oldest first.',
  z.object({
    delivery: deliverySchema,
    event: component(
      'Event',
      'What happened.',
      z.object({
        id: text('`evt_…`'),
        tenantId: text('The owner.'),
        type: text('Such as `document.processed`.'),
        body: about(`The JSON text that is signed and sent. ${hidden}`, z.string().nullable()),
        channels: z.array(z.string()),
        idempotencyKey: z.string().nullable(),
        createdAt: instant('When it was emitted.'),
      }),
    ),
    attempts: about('Every attempt, oldest first.', z.array(attemptSchema)),
  }),
)

/** What the delivery log takes: every condition given must hold. */
export const deliveryListQuery = z.strictObject({
  ...pageQuery,
  status: about('Only deliveries of this status.', status).optional(),
  type: about(
    'Name of an event type.',
    z.string().regex(/^[\w.]{1,128}$/, 'must be the name of an event type'),
  ).optional(),
  eventId: about(
    'Only deliveries of this event.',
    z.string().regex(/^\w{1,64}$/, 'must be the id of an event, evt_…'),
  ).optional(),
  since: givenInstant('Created at this instant or later.').optional(),
  until: givenInstant('Created before this instant.').optional(),
})

/** What the log of all endpoints takes. */
export const tenantDeliveryListQuery = deliveryListQuery.extend({
  endpointId: about('Only deliveries to this endpoint.', z.string().max(64)).optional(),
})

/** What recovery takes. */
export const recoverSchema = component(
  'Recover',
  'Which deliveries to send again.',
  z.strictObject({
    since: givenInstant('From this instant on.'),
    until: givenInstant('Before this instant. Default now.').optional(),
    only: about(
      '`failed`: what failed or was cancelled. `missing`: events without a delivery to this ' +
        'endpoint, because it was off or did not exist yet. `all`: both. Default `failed`.',
      z.enum(['failed', 'missing', 'all']),
    ).optional(),
    dryRun: about('Counts and sends nothing. Default false.', z.boolean()).optional(),
  }),
)

/** What recovery answers. */
export const recoveredSchema = component(
  'Recovered',
  'What was found and, unless it was a dry run, queued to be sent now.',
  z.object({
    failed: count('Deliveries that failed or were cancelled.'),
    missing: count('Events without a delivery.'),
    dryRun: z.boolean(),
  }),
)
