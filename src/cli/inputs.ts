/** What several commands read: secrets and bodies. */
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import { CliError } from './failure.ts'
import type { Io } from './io.ts'
import { collect } from './values.ts'

export interface SecretOptions {
  secret?: string[]
  secretFile?: string
}

export function addSecretOptions(command: Command): Command {
  return command
    .option(
      '--secret-file <path>',
      'read the secret from a file; several may stand in it, on lines of their own',
    )
    .option(
      '--secret <secret>',
      'the secret itself, also several times; other users of this machine can see it, so prefer ' +
        'the environment variable WEBHOOK_SECRET, or a file',
      collect,
    )
}

/** The secrets that were given: by option, by file, or by WEBHOOK_SECRET. May be none. */
export async function readSecrets(
  { secret, secretFile }: SecretOptions,
  io: Io,
): Promise<string[]> {
  if (secret !== undefined) return secret
  const text =
    secretFile === undefined
      ? (io.env.WEBHOOK_SECRET ?? '')
      : (await readInput(secretFile, io)).toString('utf8')
  return text.split(/\s+/).filter((part) => part !== '')
}

/** @throws CliError `secret_missing` */
export async function requireSecrets(options: SecretOptions, io: Io): Promise<string[]> {
  const secrets = await readSecrets(options, io)
  if (secrets.length > 0) return secrets
  throw new CliError(
    'secret_missing',
    'No secret was given. Set WEBHOOK_SECRET, or use --secret-file.',
  )
}

export interface BodyOptions {
  data?: string
}

export function addBodyInput(command: Command): Command {
  return command
    .argument('[file]', 'the body: a file, or - for standard input', '-')
    .option('--data <text>', 'the body itself, instead of a file')
}

/** The bytes of the body, as they are: not one line break more or less. */
export async function readBody(file: string, { data }: BodyOptions, io: Io): Promise<Buffer> {
  return data === undefined ? readInput(file, io) : Buffer.from(data)
}

const mostBytes = 16 * 1024 * 1024

/** Reads a file, or standard input for `-`. @throws CliError `input_missing`, `input_unreadable` */
export async function readInput(path: string, io: Io): Promise<Buffer> {
  if (path === '-') {
    if (io.stdin.isTTY) {
      throw new CliError(
        'input_missing',
        'Nothing to read: name a file, or send the body to standard input.',
      )
    }
    return checkSize(await buffer(io.stdin))
  }
  try {
    return checkSize(await readFile(path))
  } catch (error) {
    if (error instanceof CliError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new CliError('input_unreadable', `Cannot read ${path} (${code}).`)
  }
}

function checkSize(bytes: Buffer): Buffer {
  if (bytes.length <= mostBytes) return bytes
  throw new CliError('input_too_large', `The input has ${bytes.length} bytes; at most 16 MiB.`)
}
