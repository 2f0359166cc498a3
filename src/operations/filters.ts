import { WebhooksError } from '../errors.ts'

/** Lets a valid `Date`, or nothing, pass. @throws WebhooksError `invalid_option` */
export function checkInstant(name: string, value: Date | undefined): Date | undefined {
  return value === undefined ? undefined : requireInstant(name, value)
}

/** Lets a text, or nothing, pass. @throws WebhooksError `invalid_option` */
export function checkText(name: string, value: string | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw new WebhooksError('invalid_option', `${name} must be a string, not ${typeof value}`)
}

/** Lets a valid `Date` pass. @throws WebhooksError `invalid_option` */
export function requireInstant(name: string, value: unknown): Date {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value
  throw new WebhooksError('invalid_option', `${name} must be a valid Date, not ${String(value)}`)
}
