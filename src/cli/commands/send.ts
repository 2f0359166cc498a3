import { type Command, Option } from 'commander'
import { checkHeaderName } from '../../core/signing/header-name.ts'
import type { AttemptError, AttemptResponse } from '../../model.ts'
import type { CatalogueOptions } from '../catalogue.ts'
import { CliError, type ExitCode, exitCodes } from '../failure.ts'
import {
  addSecretOptions,
  type BodyOptions,
  readBody,
  requireSecrets,
  type SecretOptions,
} from '../inputs.ts'
import { type Io, Output } from '../io.ts'
import { indented, safeLine, shownBody } from '../text.ts'
import { collect, header, instant, waitingTime } from '../values.ts'
import { signedHeaders } from './sign.ts'

interface SendOptions extends BodyOptions, SecretOptions, CatalogueOptions {
  type?: string
  id?: string
  timestamp?: Date
  header?: [string, string][]
  allow?: string[]
  timeout: number
  json?: boolean
}

export function addSend(program: Command, io: Io, end: (code: ExitCode) => void): void {
  const command = program
    .command('send')
    .summary('send one signed request')
    .description(
      'Signs a body and sends it to a URL as a delivery would be sent: by the same transport, under ' +
        'the same address guard, following no redirect. Once, without a retry.',
    )
    .argument('<url>', 'where to')
    .argument('[file]', 'the body: a file, or - for standard input', '-')
    .option('--data <text>', 'the body itself, instead of a file')
    .option('--type <name>', 'instead of a body: the example of this event type')
    .option('--catalogue <file>', "where --type looks (default: AINexLayer's catalogue)")
    .option('--export <name>', 'which export of the catalogue')
  addSecretOptions(command)
    .option('--id <id>', 'webhook-id (default: a random one)')
    .option('--timestamp <instant>', 'time of the attempt (default: now)', instant)
    .option('--header <header>', "one more header as 'name: value', several times", header)
    .option('--allow <cidr>', 'an address, CIDR or host that is not public, several times', collect)
    .addOption(
      new Option('--timeout <duration>', 'for the whole request')
        .argParser(waitingTime)
        .default(30_000, '30s'),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ export WEBHOOK_SECRET=whsec_…
  $ ainexlayer-webhooks send https://example.com/hooks body.json
  $ ainexlayer-webhooks send http://127.0.0.1:3000/hooks --type document.processed --allow 127.0.0.1`,
    )
    .action(async (url: string, file: string, options: SendOptions) => {
      const body = await bodyOf(file, options, io)
      const signature = signedHeaders({
        ...options,
        body,
        secrets: await requireSecrets(options, io),
      })
      const headers: Record<string, string> = {
        ...customHeaders(options.header ?? []),
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        'user-agent': 'AINexLayer-Webhooks/1',
        ...signature,
      }
      const outcome = await sendOnce(url, headers, body, options, io.signal)
      const output = new Output(io)
      if (options.json) output.json({ url, webhookId: signature['webhook-id'], ...outcome })
      else show(outcome, output)
      end(outcome.succeeded ? exitCodes.ok : exitCodes.negative)
    })
}

interface Outcome {
  succeeded: boolean
  durationMs: number
  response: AttemptResponse | null
  error: AttemptError | null
}

async function sendOnce(
  url: string,
  headers: Record<string, string>,
  body: Buffer,
  { allow = [], timeout }: SendOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const { httpTransport } = await import('../../transport/http.ts')
  const transport = httpTransport({ addressGuard: { allow } })
  try {
    const startedAt = performance.now()
    const { response, error } = await transport.send({
      url,
      headers,
      body: body.toString('utf8'),
      timeoutMs: timeout,
      connectTimeoutMs: Math.min(timeout, 5_000),
      maxResponseBytes: 16_384,
      signal,
    })
    const succeeded = response !== null && response.status >= 200 && response.status < 300
    return { succeeded, durationMs: Math.round(performance.now() - startedAt), response, error }
  } finally {
    await transport.close()
  }
}

async function bodyOf(file: string, options: SendOptions, io: Io): Promise<Buffer> {
  const { type } = options
  if (type === undefined) return checkUtf8(await readBody(file, options, io))
  const { loadCatalogue } = await import('../catalogue.ts')
  const { registry, examples } = await loadCatalogue(options)
  if (!registry.has(type) || !Object.hasOwn(examples, type)) {
    throw new CliError('example_missing', `The catalogue has no example of ${type}.`)
  }
  const timestamp = new Date().toISOString()
  return Buffer.from(JSON.stringify({ type, timestamp, data: examples[type] }))
}

function checkUtf8(body: Buffer): Buffer {
  if (Buffer.from(body.toString('utf8')).equals(body)) return body
  throw new CliError('input_unreadable', 'The body is not UTF-8. Webhooks are JSON in UTF-8.')
}

function customHeaders(given: [string, string][]): Record<string, string> {
  return Object.fromEntries(given.map(([name, value]) => [checkHeaderName(name), value]))
}

function show({ succeeded, durationMs, response, error }: Outcome, output: Output): void {
  if (response === null) {
    const { code = '', message = '' } = error ?? {}
    output.line(`${output.styled('red', code)} after ${durationMs} ms: ${safeLine(message)}`)
    return
  }
  const status = output.styled(succeeded ? 'green' : 'red', String(response.status))
  output.line(`${status} in ${durationMs} ms`)
  for (const [name, value] of Object.entries(response.headers)) {
    output.line(`${safeLine(name)}: ${safeLine(value)}`)
  }
  if (response.body !== '') output.line(`\n${indented(shownBody(response.body))}`)
  if (response.bodyTruncated) output.line('… and more, which was not read')
}
