import type { Command } from 'commander'
import { addDatabaseOptions, type DatabaseOptions, openStorage } from '../database.ts'
import { type Io, Output } from '../io.ts'

interface MigrateOptions extends DatabaseOptions {
  print?: boolean
  json?: boolean
}

export function addMigrate(program: Command, io: Io): void {
  const command = program
    .command('migrate')
    .summary('bring the schema of a database up to date')
    .description(
      'Creates our tables, or brings them up to date. Safe to run at any time, from several ' +
        'processes at once, and while processes of the release before are at work.',
    )
  addDatabaseOptions(command)
    .option('--print', 'print the SQL for Postgres, and run nothing')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ DATABASE_URL=postgres://… ainexlayer-webhooks migrate
  $ ainexlayer-webhooks migrate --sqlite webhooks.db
  $ ainexlayer-webhooks migrate --print --schema webhooks > 0042_webhooks.sql`,
    )
    .action(async (options: MigrateOptions) => {
      if (options.print) {
        const { postgresSchemaSql } = await import('../../storage/postgres/index.ts')
        io.stdout.write(postgresSchemaSql({ schema: options.schema }))
        return
      }
      const { storage, end } = await openStorage(options, { migrate: true })
      try {
        await storage.open()
        await storage.close()
      } finally {
        await end()
      }
      const output = new Output(io)
      if (options.json) output.json({ migrated: true })
      else output.line('The schema is up to date.')
    })
}
