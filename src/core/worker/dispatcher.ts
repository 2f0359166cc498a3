import type { Attempt, AttemptError, AttemptResponse } from '../../model.ts'
import type { AttemptFacts } from '../../ports.ts'
import type { DeliveryRecord, EndpointRecord, EventRecord } from '../../storage/storage.ts'
import type { TransportResult } from '../../transport/transport.ts'
import type { Context } from '../context.ts'
import { redactAttempt } from '../redaction/log-redaction.ts'
import { requestHeaders, signingSecrets } from './request.ts'

/** A leased delivery with what its dispatch needs. */
export interface Job {
  delivery: DeliveryRecord
  event: EventRecord
  endpoint: EndpointRecord
}

/** Makes attempts: signs, sends and judges the answer. Writes nothing. */
export class Dispatcher {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Makes one attempt. Never throws: whatever happens is the attempt's outcome. */
  attempt(job: Job, signal: AbortSignal): Promise<Attempt> {
    const { telemetry } = this.#context
    if (telemetry === null) return this.#attempt(job, {}, signal)
    return telemetry.attempt(factsOf(job), (headers) => this.#attempt(job, headers, signal))
  }

  async #attempt(
    job: Job,
    traceHeaders: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const { clock, ids, secretBox, settings } = this.#context
    const startedAt = clock.now()
    let headers: Record<string, string> = {}
    let secrets: string[] = []
    let result: TransportResult
    try {
      secrets = signingSecrets(secretBox, job.endpoint, startedAt)
      const signed = { secrets, now: startedAt }
      headers = requestHeaders(job.event, job.endpoint, this.#context, signed)
      Object.assign(headers, traceHeaders)
      result = await this.#send(job, headers, signal)
    } catch (error) {
      result = { response: null, error: internalError(error) }
    }
    const error = judge(result)
    const now = clock.now()
    const hidden = [...secrets, ...settings.redaction.textsInBody(job.event.body)]
    return {
      id: ids('att'),
      tenantId: job.delivery.tenantId,
      deliveryId: job.delivery.id,
      eventId: job.event.id,
      endpointId: job.endpoint.id,
      number: job.delivery.attempts + 1,
      startedAt,
      durationMs: Math.max(0, now.getTime() - startedAt.getTime()),
      succeeded: error === null,
      url: job.endpoint.url,
      ...redactAttempt({ response: result.response, error }, { headers, hidden, now }),
    }
  }

  #send(job: Job, headers: Record<string, string>, signal: AbortSignal): Promise<TransportResult> {
    const { limits } = this.#context.settings
    return this.#context.transport.send({
      url: job.endpoint.url,
      headers,
      body: job.event.body,
      timeoutMs: limits.timeoutMs,
      connectTimeoutMs: limits.connectTimeoutMs,
      maxResponseBytes: limits.responseBytes,
      signal,
    })
  }
}

function factsOf({ delivery, event, endpoint }: Job): AttemptFacts {
  return {
    tenantId: delivery.tenantId,
    eventId: event.id,
    eventType: event.type,
    emittedAt: event.createdAt,
    traceparent: event.traceparent,
    deliveryId: delivery.id,
    endpointId: endpoint.id,
    number: delivery.attempts + 1,
    url: endpoint.url,
  }
}

/** 2xx is success and nothing else is (Standard Webhooks). */
function judge({ response, error }: TransportResult): AttemptError | null {
  if (response === null) return error ?? internalError(new Error('The transport gave no outcome'))
  const { status } = response
  if (status >= 200 && status < 300) return null
  if (status >= 300 && status < 400) return redirectError(response)
  return {
    code: 'http_status',
    message: `The receiver answered ${status}; only 2xx counts as accepted.`,
    origin: 'receiver',
  }
}

function redirectError({ status }: AttemptResponse): AttemptError {
  return {
    code: 'redirect',
    message:
      `The receiver answered with a redirect (${status}). Redirects are not followed: ` +
      'set the endpoint to its final URL.',
    origin: 'receiver',
  }
}

/** The message of an error of ours, without its cause: causes can carry credentials. */
function internalError(error: unknown): AttemptError {
  const reason = error instanceof Error ? error.message : String(error)
  return { code: 'internal', message: `The request was not sent: ${reason}`, origin: 'sender' }
}
