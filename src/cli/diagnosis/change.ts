/** Why a request is not genuine. Documented in docs/cli.md. */
export const causes = [
  'json_reserialised',
  'line_break',
  'encoding',
  'body_lost',
  'secret_form',
  'secret_invalid',
  'wrong_secret',
  'body_changed',
  'timestamp_changed',
  'clock',
  'header_missing',
  'header_invalid',
  'signature_form',
  'signed_content',
  'body_invalid',
] as const

export type Cause = (typeof causes)[number]

/** Something that may have happened on the way, and, if so, what to say about it. */
export interface Change {
  cause: Cause
  /** Begins with what the signature is for: "the body with …". */
  says: string
  wayOut: string
}

/** A possible original, and how what we have came from it; `null` if it is what we have. */
export interface Variant<Value> {
  value: Value
  change: Change | null
}
