import type { Scrub } from './scrub.ts'

/** Causes of causes of causes. */
const deepest = 3

/**
 * An error of somebody else's as it may be shown: its name, its message, its place in the code, its
 * plain properties such as `code`, and its causes in the same way, with what is secret taken out.
 * What else it has, such as the parameters of a statement, is left behind.
 */
export function copyError(error: unknown, scrub: Scrub, depth = 0): Error {
  if (typeof error === 'string') return new Error(shorten(scrub(error)))
  if (!(error instanceof Error)) return new Error(`a thrown ${typeof error}`)
  const cause =
    error.cause === undefined || depth === deepest
      ? undefined
      : { cause: copyError(error.cause, scrub, depth + 1) }
  const copy = new Error(shorten(scrub(error.message || codeOf(error))), cause)
  Object.defineProperty(copy, 'name', { value: error.name, configurable: true, writable: true })
  copy.stack = `${copy.name}: ${copy.message}\n${scrub(framesOf(error))}`
  for (const [key, value] of Object.entries(error)) {
    const plain = typeof value === 'number' || typeof value === 'boolean'
    // Longer texts are statements with the values in them.
    const short = typeof value === 'string' && value.length <= longestProperty
    if (plain || short) define(copy, key, short ? scrub(value) : value)
  }
  return copy
}

/** Some errors of Node, such as that of a refused connection, have a code and no message. */
function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name
}

/** The lines of a stack below its message, which stands at its head. */
function framesOf({ stack = '' }: Error): string {
  return stack.split('\n').filter(isFrame).join('\n')
}

function isFrame(line: string): boolean {
  return line.startsWith('    at ')
}

function define(target: Error, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

const longestProperty = 200

/** Longer messages lose their middle. */
export const longestMessage = 500

/** Keeps both ends: query builders begin with the statement, and end with what was wrong. */
function shorten(message: string): string {
  if (message.length <= longestMessage) return message
  const half = longestMessage / 2
  return `${message.slice(0, half)} … ${message.slice(-half)}`
}
