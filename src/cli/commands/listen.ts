import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { isWebhooksError } from '../../errors.ts'
import { readNodeBody } from '../../receiver/raw-body.ts'
import { judge, type Verdict } from '../diagnosis/verdict.ts'
import { CliError, exitCodes } from '../failure.ts'
import { forward } from '../forward.ts'
import { addSecretOptions, readSecrets, type SecretOptions } from '../inputs.ts'
import { type Io, Output } from '../io.ts'
import { indented, safeLine, shownBody } from '../text.ts'
import { httpUrl, toleranceOption, waitingTime, wholeNumber } from '../values.ts'

interface ListenOptions extends SecretOptions {
  port: number
  fail: number
  status: number
  delay?: number
  forward?: string
  tolerance: number
  json?: boolean
}

/** What came, what we thought of it, and what was answered. */
interface Received {
  at: Date
  method: string
  path: string
  headers: Record<string, string>
  body: string
  /** `null` where no secret was given. */
  verdict: Verdict | null
  /** How often this `webhook-id` came before. */
  repeat: number
  answer: number
  forwardError: string | null
}

export function addListen(program: Command, io: Io): void {
  const command = program
    .command('listen')
    .summary('receive webhooks on this machine, and show them')
    .description(
      'A receiver on loopback that verifies and shows what comes, and can play a bad one. Without a ' +
        'secret it shows requests unverified.',
    )
    .option(
      '--port <number>',
      'where to listen; 0 for any free port',
      wholeNumber(0, 65_535),
      3_000,
    )
  addSecretOptions(command)
    .option('--fail <count>', 'answer so many requests with an error first', wholeNumber(0, 1e9), 0)
    .option('--status <code>', 'the error to answer with', wholeNumber(300, 599), 500)
    .option('--delay <duration>', 'wait before each answer (default: not at all)', waitingTime)
    .option(
      '--forward <url>',
      'pass genuine requests on, byte for byte, and give that answer',
      httpUrl,
    )
    .addOption(toleranceOption())
    .option('--json', 'print one JSON object per request and line')
    .addHelpText(
      'after',
      `
Examples:
  $ WEBHOOK_SECRET=whsec_… ainexlayer-webhooks listen
  $ ainexlayer-webhooks listen --fail 3 --status 503 --delay 2s
  $ ainexlayer-webhooks listen --forward http://localhost:8080/hooks`,
    )
    .action(async (options: ListenOptions) => {
      const listener = new Listener(options, await readSecrets(options, io), io)
      await listener.run()
    })
}

class Listener {
  readonly #options: ListenOptions
  readonly #secrets: string[]
  readonly #output: Output
  readonly #io: Io
  /** How often each id came. Bounded, because whoever reaches the port can send any. */
  readonly #seen = new Map<string, number>()
  #failuresLeft: number

  constructor(options: ListenOptions, secrets: string[], io: Io) {
    this.#options = options
    this.#secrets = secrets
    this.#output = new Output(io)
    this.#io = io
    this.#failuresLeft = options.fail
  }

  /** Listens until the user ends it. @throws CliError `port_unavailable` */
  async run(): Promise<void> {
    const { port } = this.#options
    const server = createServer((request, response) => void this.#receive(request, response))
    const failed = once(server, 'error')
    server.listen(port, '127.0.0.1')
    const [error] = await Promise.race([once(server, 'listening'), failed])
    if (error instanceof Error) {
      throw new CliError(
        'port_unavailable',
        `Cannot listen on port ${port}: ${error.message}. Choose another by --port.`,
        exitCodes.environment,
      )
    }
    const { port: actual } = server.address() as AddressInfo
    this.#output.note(`Listening on http://127.0.0.1:${actual} (any path). Ctrl+C ends it.`)
    if (this.#secrets.length === 0) {
      this.#output.note('No secret: requests are not verified. Set WEBHOOK_SECRET to verify them.')
    }
    if (!this.#io.signal.aborted) await once(this.#io.signal, 'abort')
    server.closeAllConnections()
    server.close()
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = (await readNodeBody(request, mostBytes)) as Uint8Array<ArrayBuffer>
      const { answer, received } = await this.#judge(request, body)
      await sleep(this.#options.delay ?? 0, undefined, { signal: this.#io.signal })
      response.writeHead(answer.status, answer.headers).end(answer.body)
      this.#show(received)
    } catch (error) {
      if (this.#io.signal.aborted) return
      const tooLarge = isWebhooksError(error, 'body_too_large')
      if (!response.headersSent) {
        response.writeHead(tooLarge ? 413 : 400, { connection: 'close' }).end()
        request.resume()
      }
      const { message } = error as Error
      this.#output.note(`${safeLine(`${request.method} ${request.url}`)}: ${safeLine(message)}`)
    }
  }

  async #judge(request: IncomingMessage, body: Uint8Array<ArrayBuffer>) {
    const { tolerance: toleranceMs } = this.#options
    const headers = headersOf(request)
    const now = new Date()
    const verdict =
      this.#secrets.length === 0
        ? null
        : await judge({ headers, body, secrets: this.#secrets, toleranceMs, now })
    const answer = await this.#answer(request, body, verdict)
    const received: Received = {
      at: now,
      method: request.method ?? '',
      path: request.url ?? '',
      headers,
      body: Buffer.from(body).toString('utf8'),
      verdict,
      repeat: this.#count(headers['webhook-id'] ?? ''),
      answer: answer.status,
      forwardError: answer.error,
    }
    return { answer, received }
  }

  async #answer(request: IncomingMessage, body: Uint8Array, verdict: Verdict | null) {
    const plain = (status: number) => ({ status, headers: {}, body: '', error: null })
    if (verdict !== null && !verdict.genuine) return plain(400)
    if (this.#failuresLeft > 0) {
      this.#failuresLeft--
      return plain(this.#options.status)
    }
    const { forward: url } = this.#options
    return url === undefined ? plain(204) : forward(url, request, body)
  }

  #count(id: string): number {
    const before = this.#seen.get(id) ?? 0
    if (this.#seen.size >= 10_000) this.#seen.clear()
    this.#seen.set(id, before + 1)
    return before
  }

  #show(received: Received): void {
    if (this.#options.json) this.#output.jsonLine(received)
    else this.#describe(received)
  }

  #describe(received: Received): void {
    const { at, method, path, headers, body, verdict, repeat, answer, forwardError } = received
    const output = this.#output
    output.line(
      `${at.toISOString()} ${safeLine(`${method} ${path}`)} ${safeLine(headers['webhook-id'] ?? '')}` +
        `${repeat > 0 ? `, sent before: ${repeat}` : ''}`,
    )
    output.line(`  ${this.#verdictLine(verdict)}`)
    for (const { cause, message, wayOut } of verdict?.findings ?? []) {
      output.line(`  ${cause}: ${safeLine(message)}\n  ${safeLine(wayOut)}`)
    }
    if (body !== '') output.line(indented(shownBody(body)))
    if (forwardError !== null) output.line(`  not forwarded: ${safeLine(forwardError)}`)
    output.line(`  answered ${output.styled(answer < 300 ? 'green' : 'red', String(answer))}\n`)
  }

  #verdictLine(verdict: Verdict | null): string {
    if (verdict === null) return this.#output.styled('yellow', 'not verified')
    return verdict.genuine
      ? this.#output.styled('green', 'genuine')
      : this.#output.styled('red', 'not genuine')
  }
}

const mostBytes = 4 * 1024 * 1024

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
  )
}
