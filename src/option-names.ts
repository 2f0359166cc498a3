import { WebhooksError } from './errors.ts'
import { nearestName } from './nearest-name.ts'

/**
 * Lets an object pass that holds no other names than these. A misspelt option must not silently do
 * nothing: `encrypt` for `encryption` would store secrets as they are.
 *
 * @param what - Whose options they are, for the message.
 * @throws WebhooksError `invalid_option`
 */
export function checkOptions<Options extends object>(
  what: string,
  given: Options,
  names: readonly (keyof Options & string)[],
): Options {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(`${what} takes an object with ${names.join(', ')}`)
  }
  for (const name in given) {
    if (names.includes(name)) continue
    const near = nearestName(name, names)
    const advice = near === undefined ? `it takes ${names.join(', ')}` : `did you mean "${near}"?`
    throw invalid(`${what} takes no "${name}": ${advice}`)
  }
  return given
}

function invalid(message: string): WebhooksError {
  return new WebhooksError('invalid_option', message)
}
