import { WebhooksError } from '../../../errors.ts'

/** Postgres cuts identifiers at 63 bytes; our channel is the schema's name and `.work`. */
const longestName = 58

/** How the schema's name is written, quoted, wherever SQL needs it. */
export interface SchemaNames {
  /** As an identifier: `"webhooks"`. */
  schema: string
  /** The name itself as a text literal: `'webhooks'`. */
  nameLiteral: string
  /** The channel of NOTIFY as an identifier: `"webhooks.work"`. */
  channel: string
  /** The channel as a text literal. */
  channelLiteral: string
  /** A sequence of ours as a `regclass` literal. */
  sequence(name: string): string
}

/** @throws WebhooksError `invalid_option` */
export function schemaNames(name: unknown): SchemaNames {
  const fits =
    typeof name === 'string' &&
    name !== '' &&
    Buffer.byteLength(name) <= longestName &&
    name.isWellFormed() &&
    // Our functions' bodies stand between $$, and comments end with their line.
    !/[\p{Cc}$]/u.test(name) &&
    !/^pg_/i.test(name)
  if (!fits) {
    throw new WebhooksError(
      'invalid_option',
      `postgresStorage: schema must be a name of 1 to ${longestName} bytes in one line, without "$" ` +
        'and not beginning with "pg_", such as "webhooks"',
    )
  }
  const schema = quoteIdentifier(name)
  return {
    schema,
    nameLiteral: quoteLiteral(name),
    channel: quoteIdentifier(`${name}.work`),
    channelLiteral: quoteLiteral(`${name}.work`),
    sequence: (sequence) => `${quoteLiteral(`${schema}.${sequence}`)}::regclass`,
  }
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** An escape string where there is a backslash, so that no server setting changes its meaning. */
function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? `E${quoted}` : quoted
}
