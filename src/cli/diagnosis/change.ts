/** Why a signature does not match, where the reason could be found. */
export type Cause =
  | 'json_reserialised'
  | 'line_break'
  | 'encoding'
  | 'body_lost'
  | 'secret_form'
  | 'timestamp_changed'
  | 'signed_content'
  | 'signature_form'

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
