import { type Command, Option } from 'commander'
import type { RecoverOptions } from '../../operations/recover.ts'
import { addDatabaseOptions, type DatabaseOptions, withWebhooks } from '../database.ts'
import { type Io, Output } from '../io.ts'
import { ProgressBar } from '../progress.ts'
import { instant } from '../values.ts'

interface RecoverCommandOptions extends DatabaseOptions {
  tenant?: string
  endpoint: string
  since: Date
  until?: Date
  only: RecoverOptions['only']
  dryRun?: boolean
  json?: boolean
}

export function addRecover(program: Command, io: Io): void {
  const command = program
    .command('recover')
    .summary('send again what an endpoint did not get')
    .description(
      'Queues what an endpoint did not get in a span of time, to be sent by the workers of your ' +
        'backend. Try it with --dry-run first, which only counts.',
    )
  addDatabaseOptions(command)
    .requiredOption('--endpoint <id>', 'ep_…')
    .requiredOption('--since <instant>', 'from then on', instant)
    .option('--until <instant>', 'before then (default: now)', instant)
    .addOption(
      new Option('--only <what>', 'what failed, what was never owed to it, or both')
        .choices(['failed', 'missing', 'all'])
        .default('failed'),
    )
    .option('--tenant <id>', 'whose endpoint (default: "default")')
    .option('--dry-run', 'count, and queue nothing')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Instants are ISO 8601, or a span back from now: --since 24h.

Examples:
  $ ainexlayer-webhooks recover --sqlite webhooks.db --endpoint ep_… --since 24h --dry-run
  $ DATABASE_URL=postgres://… ainexlayer-webhooks recover --endpoint ep_… --since 2026-11-23`,
    )
    .action(async (options: RecoverCommandOptions) => {
      const what = {
        tenantId: options.tenant,
        endpointId: options.endpoint,
        since: options.since,
        until: options.until ?? new Date(),
        only: options.only,
      }
      const result = await withWebhooks(options, async ({ recover }) => {
        const expected = await recover({ ...what, dryRun: true })
        if (options.dryRun) return expected
        const bar = new ProgressBar(io, expected.failed + expected.missing)
        try {
          return await recover({
            ...what,
            onProgress: ({ failed, missing }) => bar.update(failed + missing),
          })
        } finally {
          bar.end()
        }
      })
      const output = new Output(io)
      if (options.json) return output.json(result)
      const { failed, missing } = result
      const verb = options.dryRun ? 'would be queued' : 'queued'
      output.line(`${verb}: ${failed} that failed or were cancelled, ${missing} that were missing`)
    })
}
