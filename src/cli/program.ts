import { Command } from 'commander'
import manifest from '../../package.json' with { type: 'json' }
import { addDeliveries } from './commands/deliveries.ts'
import { addEvents } from './commands/events.ts'
import { addListen } from './commands/listen.ts'
import { addMigrate } from './commands/migrate.ts'
import { addRecover } from './commands/recover.ts'
import { addSend } from './commands/send.ts'
import { addSign } from './commands/sign.ts'
import { addVerify } from './commands/verify.ts'
import { type ExitCode, exitCodes, reportFailure } from './failure.ts'
import type { Io } from './io.ts'
import { safeText } from './text.ts'

/** Runs the command line. @returns How the process ends. */
export async function run(args: string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok
  const program = createProgram(io, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    return reportFailure(error, io, args.includes('--json'))
  }
}

function createProgram(io: Io, end: (code: ExitCode) => void): Command {
  const program = new Command('ainexlayer-webhooks')
    .description('Signs, sends, receives and looks into webhooks (Standard Webhooks 1.0.0).')
    .version(manifest.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(safeText(text)),
    })
    .showHelpAfterError('(add --help for more)')
    .addHelpText(
      'after',
      `
Exit codes: 0 done; 1 the answer is no (not genuine, not accepted, not found); 2 wrong usage;
3 something the command needs does not work (database, driver, port).`,
    )
  addListen(program, io)
  addSign(program, io)
  addVerify(program, io, end)
  addSend(program, io, end)
  addMigrate(program, io)
  addDeliveries(program, io)
  addRecover(program, io)
  addEvents(program, io)
  return program
}
