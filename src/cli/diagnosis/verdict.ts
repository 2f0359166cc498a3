import { isWebhooksError } from '../../errors.ts'
import type { WebhookPayload } from '../../receiver/payload.ts'
import { verify } from '../../receiver/verify.ts'
import type { Cause, Change } from './change.ts'
import { findChanges } from './diagnose.ts'

/** What became of a request, and why. */
export interface Verdict {
  genuine: boolean
  event: WebhookPayload | null
  findings: Finding[]
}

/** One thing that is wrong. */
export interface Finding {
  cause: Cause
  message: string
  wayOut: string
}

export interface ReceivedMessage {
  headers: Record<string, string>
  body: Uint8Array<ArrayBuffer>
  secrets: readonly string[]
  toleranceMs: number
  now: Date
}

/**
 * Judges a request by `verify` itself. If it is refused, names every reason that can be found: the
 * clock says nothing about the signature, nor the other way round.
 */
export async function judge(message: ReceivedMessage): Promise<Verdict> {
  const { body, headers, secrets, toleranceMs, now } = message
  try {
    const event = await verify(body, headers, secrets, { toleranceMs, now })
    return { genuine: true, event, findings: [] }
  } catch (error) {
    if (!isWebhooksError(error)) throw error
    return {
      genuine: false,
      event: null,
      findings: await findingsOf(error.code, error.message, message),
    }
  }
}

async function findingsOf(
  code: string,
  message: string,
  received: ReceivedMessage,
): Promise<Finding[]> {
  const simple = simpleFindings[code]
  if (simple !== undefined) return [{ ...simple, message }]
  const findings: Finding[] = []
  if (code === 'invalid_secret') {
    findings.push({
      cause: 'secret_invalid',
      message,
      wayOut: 'Take the secret as the sender shows it.',
    })
  }
  if (code.startsWith('signature_timestamp_')) {
    findings.push({ cause: 'clock', message, wayOut: clockWayOut })
  }
  return [...findings, ...(await signatureFindings(received))]
}

const clockWayOut =
  'For a stored request say when it came by --now, or look only at the signature with --tolerance ' +
  '1000d. For a fresh one, compare the clocks of both machines.'

const simpleFindings: Record<string, Omit<Finding, 'message'>> = {
  signature_header_missing: {
    cause: 'header_missing',
    wayOut: 'Compare what the sender says it sent with what arrived, proxy by proxy.',
  },
  signature_header_invalid: {
    cause: 'header_invalid',
    wayOut: 'Copy the header as it was sent.',
  },
  signature_timestamp_invalid: {
    cause: 'header_invalid',
    wayOut: 'webhook-timestamp is seconds since 1970, in digits.',
  },
  signature_body_invalid: {
    cause: 'body_invalid',
    wayOut: 'The signature is genuine; ask the sender what it sends.',
  },
}

async function signatureFindings({ headers, body, secrets }: ReceivedMessage): Promise<Finding[]> {
  const changes = await findChanges({
    id: headers['webhook-id'] ?? '',
    timestamp: headers['webhook-timestamp'] ?? '',
    signature: headers['webhook-signature'] ?? '',
    body,
    secrets,
  })
  return changes === null
    ? [unexplained(body, headers['webhook-signature'] ?? '')]
    : changes.map(findingOf)
}

function findingOf({ cause, says, wayOut }: Change): Finding {
  return { cause, message: `The signature is genuine for ${says}.`, wayOut }
}

/** Which of the two it is no mathematics can tell; how the body looks makes one more likely. */
function unexplained(body: Uint8Array, signature: string): Finding {
  if (!/(^|\s)v1a?,/.test(signature)) {
    return {
      cause: 'header_invalid',
      message: 'webhook-signature holds neither a v1 nor a v1a signature.',
      wayOut: 'Standard Webhooks writes `v1,` and base64, and for Ed25519 `v1a,` and base64.',
    }
  }
  if (looksUntouched(body)) {
    return {
      cause: 'wrong_secret',
      message:
        'No secret given here made this signature, and the body looks as a sender writes it: most ' +
        'likely the secret is that of another endpoint, or was rotated.',
      wayOut: 'Compare with the secret of this endpoint; for a v1a signature give the whpk_ key.',
    }
  }
  return {
    cause: 'body_changed',
    message:
      'No secret given here made this signature for this body or for a usual variant of it, and the ' +
      'body does not look as a sender writes it: most likely its content was changed.',
    wayOut: 'Compare the body with the one in the log of the sender, byte by byte.',
  }
}

/** Compact JSON with a type and data. */
function looksUntouched(body: Uint8Array): boolean {
  const text = new TextDecoder().decode(body)
  try {
    const value: unknown = JSON.parse(text)
    return (
      JSON.stringify(value) === text &&
      typeof value === 'object' &&
      value !== null &&
      'type' in value
    )
  } catch {
    return false
  }
}
