import { CommanderError } from 'commander'
import { isWebhooksError, type WebhooksErrorCode } from '../errors.ts'
import type { Io } from './io.ts'
import { safeJson, safeLine } from './text.ts'

/** How the command line ends. Documented in docs/cli.md. */
export const exitCodes = {
  ok: 0,
  /** What was asked has a negative answer: not genuine, not accepted, not found. */
  negative: 1,
  /** The command was called wrongly, or was given what cannot be read. */
  usage: 2,
  /** Something that the command needs does not work: database, driver, port, network. */
  environment: 3,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** A failure with a code for programs, a sentence for people, and how the process ends. */
export class CliError extends Error {
  readonly code: string
  readonly exitCode: ExitCode

  constructor(code: string, message: string, exitCode: ExitCode = exitCodes.usage) {
    super(message)
    this.code = code
    this.exitCode = exitCode
  }
}

/** Says what went wrong, and with which code the process ends. */
export function reportFailure(error: unknown, io: Io, asJson: boolean): ExitCode {
  // Commander has said it already, or shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  const { code, message, exitCode } = describe(error)
  io.stderr.write(
    asJson
      ? `${safeJson({ error: { code, message } })}\n`
      : `${safeLine(`error: ${message}`)}${code === '' ? '' : ` (${code})`}\n`,
  )
  return exitCode
}

function describe(error: unknown): { code: string; message: string; exitCode: ExitCode } {
  if (error instanceof CliError) return error
  if (isWebhooksError(error)) {
    const { code, cause } = error
    const why = code === 'storage_failed' && cause instanceof Error ? `: ${cause.message}` : ''
    return { code, message: `${error.message}${why}`, exitCode: exitCodeOf(code) }
  }
  const { code = 'internal', message = String(error) } = error as {
    code?: string
    message?: string
  }
  return { code, message, exitCode: exitCodes.environment }
}

function exitCodeOf(code: WebhooksErrorCode): ExitCode {
  if (code.endsWith('_not_found') || code === 'conflict') return exitCodes.negative
  if (/^(storage|driver|decryption)_/.test(code)) return exitCodes.environment
  return exitCodes.usage
}
