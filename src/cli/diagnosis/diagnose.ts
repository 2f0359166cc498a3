/**
 * Looks for what a signature is genuine for, if not for what came: one change to the body, to the
 * reading of the secret or to what was signed with it, or several of them.
 */

import type { VersionedSignature } from '../../receiver/headers.ts'
import { matchesAny, type VerificationKey } from '../../receiver/signatures.ts'
import { bodyVariants, largeBody } from './body-variants.ts'
import type { Change, Variant } from './change.ts'
import { keyVariants } from './key-variants.ts'

export interface Signed {
  id: string
  timestamp: string
  /** The value of `webhook-signature`. */
  signature: string
  body: Uint8Array<ArrayBuffer>
  secrets: readonly string[]
}

/** What must have happened; empty if the signature is genuine as it stands, `null` if nothing fits. */
export async function findChanges(signed: Signed): Promise<Change[] | null> {
  const bodies = bodyVariants(signed.body)
  const keys = signed.secrets.flatMap(keyVariants)
  const lists = signatureVariants(signed.signature)
  const contents = contentVariants(signed)
  const guesses = lists.flatMap((list) =>
    contents.flatMap((content) =>
      bodies.flatMap((body) => keys.map((key) => ({ list, content, body, key }))),
    ),
  )
  const changesOf = (guess: (typeof guesses)[number]) =>
    [guess.body, guess.key, guess.content, guess.list].flatMap(({ change }) => change ?? [])
  // The explanation with the fewest assumptions is the one to give.
  const isLarge = signed.body.length > largeBody
  const likely = guesses
    .filter((guess) => changesOf(guess).length <= (isLarge ? 1 : mostChanges))
    .sort((a, b) => changesOf(a).length - changesOf(b).length)
  for (const guess of likely) {
    const { key, list, body, content } = guess
    if (await matchesAny(key.value, list.value, content.value(body.value))) return changesOf(guess)
  }
  return isLarge ? null : findTimestamp(signed, keys, bodies)
}

/** Whoever changed three things at once is found by fixing two of them. It bounds the search. */
const mostChanges = 2

type Content = (body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>

/** What is signed by those who do not quite follow the standard. */
function contentVariants({ id, timestamp }: Signed): Variant<Content>[] {
  const wayOut =
    'The sender does not follow Standard Webhooks, which signs `id.timestamp.body`. Verify by its own ' +
    'rule, or change the sender.'
  const other = (says: string, head: string): Variant<Content> => ({
    value: (body) => joined(head, body),
    change: { cause: 'signed_content', says, wayOut },
  })
  return [
    { value: (body) => joined(`${id}.${timestamp}.`, body), change: null },
    other('the body alone', ''),
    other('timestamp and body, without the id', `${timestamp}.`),
    other('id and body, without the timestamp', `${id}.`),
    other('id, milliseconds and body', `${id}.${timestamp}000.`),
  ]
}

/** The signatures as the standard writes them, and as they would be if written in another way. */
function signatureVariants(header: string): Variant<VersionedSignature[]>[] {
  const elements = header
    .split(/[\s,]+(?=v\d)|\s+/)
    .filter((element) => element !== '')
    .slice(0, mostSignatures)
  const standard = elements.flatMap((element) => {
    const comma = element.indexOf(',')
    return comma < 0
      ? []
      : { version: element.slice(0, comma), signature: element.slice(comma + 1) }
  })
  const bare = elements.map((element) => element.replace(/^(v1a?[,=]|sha256=)/, ''))
  const guess = (says: string, write: (text: string) => string) => ({
    value: bare.map((text) => ({ version: 'v1', signature: write(text) })),
    change: {
      cause: 'signature_form' as const,
      says,
      wayOut: 'By Standard Webhooks the header is `v1,` and the signature in base64.',
    },
  })
  return [
    { value: standard, change: null },
    guess('this signature, which lacks its `v1,`', (text) => text),
    guess('this signature, which is written as hex', (text) =>
      Buffer.from(text, 'hex').toString('base64'),
    ),
    guess('this signature, which is not in standard base64', (text) =>
      Buffer.from(text, 'base64url').toString('base64'),
    ),
  ]
}

/** A rotation has two; each is tried with every guess. */
const mostSignatures = 8

const furthestSeconds = 600

/** Whether the signature was made at another second than the header says. */
async function findTimestamp(
  { id, timestamp, signature }: Signed,
  keys: Variant<VerificationKey>[],
  [body]: Variant<Uint8Array<ArrayBuffer>>[],
): Promise<Change[] | null> {
  const [list] = signatureVariants(signature)
  const base = Number(timestamp)
  if (!Number.isSafeInteger(base) || body === undefined || list === undefined) return null
  const own = keys.filter(({ change, value }) => change === null && value.version === 'v1')
  for (let off = 1; off <= furthestSeconds; off++) {
    for (const seconds of [base - off, base + off]) {
      for (const { value } of own) {
        const content = joined(`${id}.${seconds}.`, body.value)
        if (await matchesAny(value, list.value, content)) return [timestampChange(seconds, base)]
      }
    }
  }
  return null
}

function timestampChange(signed: number, sent: number): Change {
  const off = Math.abs(signed - sent)
  return {
    cause: 'timestamp_changed',
    says: `the same request with webhook-timestamp ${signed}, ${off} s ${signed < sent ? 'earlier' : 'later'}`,
    wayOut:
      'The header is not the one that was signed: look for what sets it anew, such as a proxy or a ' +
      'test that signs first and stamps later.',
  }
}

function joined(head: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([Buffer.from(head), body]))
}
