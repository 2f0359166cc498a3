import type { Command } from 'commander'
import { type Finding, judge, type Verdict } from '../diagnosis/verdict.ts'
import { CliError, type ExitCode, exitCodes } from '../failure.ts'
import {
  addBodyInput,
  addSecretOptions,
  type BodyOptions,
  readBody,
  readInput,
  requireSecrets,
  type SecretOptions,
} from '../inputs.ts'
import { type Io, Output } from '../io.ts'
import { safeLine } from '../text.ts'
import { header, instant, toleranceOption } from '../values.ts'

interface VerifyOptions extends BodyOptions, SecretOptions {
  header?: [string, string][]
  headersFile?: string
  tolerance: number
  now?: Date
  json?: boolean
}

export function addVerify(program: Command, io: Io, end: (code: ExitCode) => void): void {
  const command = program
    .command('verify')
    .summary('verify a request, and say why it is not genuine')
    .description(
      'Verifies a request as a receiver does. If it is not genuine, looks for the reason: another ' +
        'secret, another reading of it, a body that was parsed and written again, a line break, an ' +
        'encoding, a clock, a header that was changed or lost.',
    )
  addSecretOptions(addBodyInput(command))
    .option('--header <header>', "a header as 'name: value', several times", header)
    .option('--headers-file <path>', 'headers from a file, one per line, or as a JSON object')
    .addOption(toleranceOption())
    .option('--now <instant>', 'when the request came (default: now)', instant)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ export WEBHOOK_SECRET=whsec_…
  $ ainexlayer-webhooks verify body.json --headers-file headers.txt
  $ ainexlayer-webhooks verify body.json --now 2026-11-23T20:15:04Z \\
      --header 'webhook-id: evt_1' --header 'webhook-timestamp: 1795464904' \\
      --header 'webhook-signature: v1,…'`,
    )
    .action(async (file: string, options: VerifyOptions) => {
      const secrets = await requireSecrets(options, io)
      const verdict = await judge({
        headers: await readHeaders(options, io),
        body: new Uint8Array(await readBody(file, options, io)),
        secrets,
        toleranceMs: options.tolerance,
        now: options.now ?? new Date(),
      })
      const output = new Output(io)
      if (options.json) output.json(verdict)
      else show(verdict, output)
      end(verdict.genuine ? exitCodes.ok : exitCodes.negative)
    })
}

async function readHeaders(
  { header: given = [], headersFile }: VerifyOptions,
  io: Io,
): Promise<Record<string, string>> {
  const fromFile =
    headersFile === undefined
      ? []
      : parseHeaders((await readInput(headersFile, io)).toString('utf8'))
  return Object.fromEntries([...fromFile, ...given])
}

/** Lines as `curl -v` and logs show them, or JSON. Lines that are no header are left out. */
function parseHeaders(text: string): [string, string][] {
  if (text.trimStart().startsWith('{')) {
    try {
      const value = JSON.parse(text) as Record<string, unknown>
      return Object.entries(value).map(([name, part]) => [name.toLowerCase(), String(part)])
    } catch {
      throw new CliError('input_unreadable', 'The file of headers looks like JSON and is none.')
    }
  }
  return text.split(/\r?\n/).flatMap((line): [string, string][] => {
    const [, name, value] = /^[<>\s]*([!#$%&'*+.^`|~\w-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? []
    return name === undefined ? [] : [[name.toLowerCase(), value ?? '']]
  })
}

function show({ genuine, event, findings }: Verdict, output: Output): void {
  if (genuine && event !== null) {
    const type = event.type === '' ? 'no type' : safeLine(event.type)
    output.line(`${output.styled('green', 'genuine')}: ${safeLine(event.id)}, ${type}`)
    return
  }
  output.line(output.styled('red', 'not genuine'))
  for (const { cause, message, wayOut } of findings.map(safeFinding)) {
    output.line(`\n  ${output.styled('bold', cause)}: ${message}\n  ${wayOut}`)
  }
}

function safeFinding({ cause, message, wayOut }: Finding): Finding {
  return { cause, message: safeLine(message), wayOut: safeLine(wayOut) }
}
