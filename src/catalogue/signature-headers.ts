/** The three headers of Standard Webhooks 1.0.0, as documents for receivers tell of them. */
export const signatureHeaders = [
  {
    name: 'webhook-id',
    description: "The event's id, the same on every attempt: handle each id once.",
    schema: { type: 'string' },
    example: 'evt_01kb4x0n6z8qv5t2d3c7m9a1rs',
  },
  {
    name: 'webhook-timestamp',
    description: 'When this attempt was made, in seconds since 1970.',
    schema: { type: 'string', pattern: '^[0-9]+$' },
    example: '1795464904',
  },
  {
    name: 'webhook-signature',
    description:
      'One or more signatures over id, timestamp and body, separated by a space: v1 (HMAC-SHA256) ' +
      'or v1a (Ed25519), a comma, and base64. Two during the rotation of a secret.',
    schema: { type: 'string' },
    example: 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  },
] as const
