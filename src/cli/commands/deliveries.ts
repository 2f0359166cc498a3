import { type Command, Option } from 'commander'
import type { Attempt, Delivery, DeliveryStatus } from '../../model.ts'
import type { DeliveryListOptions } from '../../operations/deliveries.ts'
import { addDatabaseOptions, type DatabaseOptions, withWebhooks } from '../database.ts'
import { CliError } from '../failure.ts'
import { type Io, Output, table } from '../io.ts'
import { indented, safeLine, shownBody } from '../text.ts'
import { instant, wholeNumber } from '../values.ts'

interface DeliveriesOptions extends DatabaseOptions {
  tenant?: string
  endpoint?: string
  event?: string
  type?: string
  status?: DeliveryStatus
  since?: Date
  until?: Date
  limit: number
  cursor?: string
  retry?: boolean
  json?: boolean
}

export function addDeliveries(program: Command, io: Io): void {
  const command = program
    .command('deliveries')
    .summary('list deliveries, or show one with its attempts')
    .description('Lists the delivery log, newest first; or, given an id, one delivery in full.')
    .argument('[id]', 'dlv_…: this one, with every attempt, its answer and what went wrong')
  addDatabaseOptions(command)
    .option('--tenant <id>', 'whose (default: "default")')
    .option('--endpoint <id>', 'only to this endpoint')
    .option('--event <id>', 'only of this event')
    .option('--type <name>', 'only of this event type')
    .addOption(
      new Option('--status <status>', 'only in this state').choices([
        'pending',
        'succeeded',
        'failed',
        'cancelled',
      ]),
    )
    .option('--since <instant>', 'created then or later', instant)
    .option('--until <instant>', 'created before', instant)
    .option('--limit <number>', 'how many', wholeNumber(1, 100), 20)
    .option('--cursor <cursor>', 'the next page, as the page before names it')
    .option('--retry', 'with an id: send it again, now')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Instants are ISO 8601, or a span back from now: --since 24h.

Examples:
  $ ainexlayer-webhooks deliveries --sqlite webhooks.db --status failed --since 24h
  $ ainexlayer-webhooks deliveries dlv_… --sqlite webhooks.db
  $ DATABASE_URL=postgres://… ainexlayer-webhooks deliveries --tenant ws_1 --json`,
    )
    .action(async (id: string | undefined, options: DeliveriesOptions) => {
      const output = new Output(io)
      if (id === undefined && options.retry) {
        throw new CliError(
          'id_missing',
          'Name the delivery to send again: deliveries <id> --retry.',
        )
      }
      if (id === undefined) return list(options, output)
      return showOne(id, options, output)
    })
}

async function list(options: DeliveriesOptions, output: Output): Promise<void> {
  const conditions: DeliveryListOptions = {
    tenantId: options.tenant,
    endpointId: options.endpoint,
    eventId: options.event,
    type: options.type,
    status: options.status,
    since: options.since,
    until: options.until,
    limit: options.limit,
    cursor: options.cursor,
  }
  const page = await withWebhooks(options, ({ deliveries }) => deliveries.list(conditions))
  if (options.json) return output.json(page)
  output.line(
    table(
      ['created', 'id', 'status', 'attempts', 'type', 'endpoint', 'last'],
      page.items.map((delivery) => [
        delivery.createdAt.toISOString(),
        safeLine(delivery.id),
        delivery.status,
        String(delivery.attempts),
        safeLine(delivery.eventType),
        safeLine(delivery.endpointId),
        lastOf(delivery),
      ]),
    ),
  )
  output.note(`${page.items.length} of ${page.total}`)
  if (page.nextCursor !== null) output.note(`Next page: --cursor ${page.nextCursor}`)
}

function lastOf({ lastError, responseStatus, nextAttemptAt }: Delivery): string {
  const answer = lastError === null ? '' : safeLine(lastError.code)
  const status = responseStatus === null ? '' : String(responseStatus)
  const next = nextAttemptAt === null ? '' : `next ${nextAttemptAt.toISOString()}`
  return [status, answer, next].filter((part) => part !== '').join(' ')
}

async function showOne(id: string, options: DeliveriesOptions, output: Output): Promise<void> {
  const of = { tenantId: options.tenant }
  const { delivery, attempts } = await withWebhooks(options, async ({ deliveries }) => {
    const found = options.retry ? await deliveries.retry(id, of) : await deliveries.get(id, of)
    return { delivery: found, attempts: await deliveries.attempts(id, of) }
  })
  if (options.json) return output.json({ delivery, attempts })
  for (const [name, value] of Object.entries(delivery)) output.line(fieldLine(name, value))
  for (const attempt of attempts) showAttempt(attempt, output)
}

function showAttempt(attempt: Attempt, output: Output): void {
  const { number, startedAt, durationMs, succeeded, url, error, response } = attempt
  const status = response === null ? 'no answer' : String(response.status)
  const verdict = output.styled(succeeded ? 'green' : 'red', status)
  output.line(`\nattempt ${number}: ${verdict}, ${startedAt.toISOString()}, ${durationMs} ms`)
  output.line(`  POST ${safeLine(url)}`)
  if (error !== null) {
    output.line(`  ${safeLine(`${error.code} (${error.origin}): ${error.message}`)}`)
  }
  for (const [name, value] of Object.entries(response?.headers ?? {})) {
    output.line(`  ${safeLine(`${name}: ${value}`)}`)
  }
  if (response !== null && response.body !== '') output.line(indented(shownBody(response.body)))
}

function fieldLine(name: string, value: unknown): string {
  if (value instanceof Date) return `${name}: ${value.toISOString()}`
  if (typeof value === 'object' && value !== null)
    return `${name}: ${safeLine(JSON.stringify(value))}`
  return `${name}: ${value === null ? '-' : safeLine(String(value))}`
}
