import { styleText } from 'node:util'
import { CliError } from './failure.ts'
import { safeJson } from './text.ts'

/** What a command has of the world. */
export interface Io {
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  env: NodeJS.ProcessEnv
  /** Aborts when the user asks the command to end. */
  signal: AbortSignal
}

type Style = Parameters<typeof styleText>[0]

/** Results go to standard output, and everything about them to standard error. */
export class Output {
  readonly #io: Io

  constructor(io: Io) {
    this.#io = io
  }

  /** A line for people. What of it came from a stranger must be safe already. */
  line(text = ''): void {
    this.#io.stdout.write(`${text}\n`)
  }

  /** A line about what goes on, which no script reads. */
  note(text: string): void {
    this.#io.stderr.write(`${text}\n`)
  }

  json(value: unknown): void {
    this.line(writable(value, 2))
  }

  /** One value per line, for output without an end. */
  jsonLine(value: unknown): void {
    this.line(writable(value))
  }

  /** Colour, where standard output is a terminal that has it and NO_COLOR does not forbid it. */
  styled(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#io.stdout })
  }
}

/** @throws CliError `output_too_deep`: a body can be read that is nested too deeply to be written. */
function writable(value: unknown, indent?: number): string {
  try {
    return safeJson(value, indent)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new CliError('output_too_deep', 'This is nested too deeply for --json. Leave it out.')
  }
}

/** Columns under titles. */
export function table(titles: string[], rows: string[][]): string {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  return [titles, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
