import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { sign } from '../../core/signing/signer.ts'
import {
  addBodyInput,
  addSecretOptions,
  type BodyOptions,
  readBody,
  requireSecrets,
  type SecretOptions,
} from '../inputs.ts'
import { type Io, Output } from '../io.ts'
import { instant } from '../values.ts'

interface SignOptions extends BodyOptions, SecretOptions {
  id?: string
  timestamp?: Date
  json?: boolean
}

export function addSign(program: Command, io: Io): void {
  const command = program
    .command('sign')
    .summary('sign a body')
    .description('Prints the three headers with which a body is sent (Standard Webhooks 1.0.0).')
  addSecretOptions(addBodyInput(command))
    .option('--id <id>', 'webhook-id (default: a random one)')
    .option('--timestamp <instant>', 'time of the attempt (default: now)', instant)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ export WEBHOOK_SECRET=whsec_…
  $ ainexlayer-webhooks sign body.json
  $ printf '{"type":"order.paid"}' | ainexlayer-webhooks sign --id evt_1 --json`,
    )
    .action(async (file: string, options: SignOptions) => {
      const secrets = await requireSecrets(options, io)
      const body = await readBody(file, options, io)
      const headers = signedHeaders({ ...options, body, secrets })
      const output = new Output(io)
      if (options.json) return output.json({ headers })
      for (const [name, value] of Object.entries(headers)) output.line(`${name}: ${value}`)
    })
}

/** The headers of one attempt. */
export function signedHeaders({
  id = `msg_${randomUUID().replaceAll('-', '')}`,
  timestamp = new Date(),
  body,
  secrets,
}: {
  id?: string | undefined
  timestamp?: Date | undefined
  body: Uint8Array
  secrets: string[]
}): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1000)),
    'webhook-signature': sign({ id, timestamp, body, secrets }),
  }
}
