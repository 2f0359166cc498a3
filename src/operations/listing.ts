import type { IdPrefix } from '../core/ids.ts'
import { WebhooksError } from '../errors.ts'
import type { Page } from '../model.ts'
import type { ListParams, ListResult } from '../storage/storage.ts'

/** Which part of a list is wanted. */
export interface PageOptions {
  /** Numbered page, 1 for the first. Default 1. For deep pages `cursor` is faster. */
  page?: number | undefined
  /** Items per page, 1 to 100. Default 20. */
  limit?: number | undefined
  /** `nextCursor` of the page before. Takes the place of `page`. */
  cursor?: string | undefined
}

export const pageNames: readonly (keyof PageOptions)[] = ['page', 'limit', 'cursor']

const defaultLimit = 20
const longestPage = 100

/**
 * Reads one page of records whose ids begin with `prefix`. A cursor remembers where the page before
 * ended and what the total was, so that page one thousand costs what page one does.
 *
 * @throws WebhooksError `invalid_option`, `invalid_cursor`
 */
export async function readPage<Item extends { id: string }, Shown>(
  options: PageOptions,
  prefix: IdPrefix,
  read: (params: ListParams) => Promise<ListResult<Item>>,
  show: (item: Item) => Shown,
): Promise<Page<Shown>> {
  const limit = wholeNumber('limit', options.limit ?? defaultLimit, longestPage)
  const start = startOf(options, prefix, limit)
  // One more than shown tells whether there is a page after this one.
  const { items, total } = await read({
    offset: start.offset,
    before: start.before,
    limit: limit + 1,
    withTotal: start.total === null,
  })
  const shown = items.slice(0, limit)
  const all = start.total ?? total ?? 0
  const last = items.length > limit ? shown.at(-1) : undefined
  const nextCursor = last
    ? writeCursor({ before: last.id, page: start.page + 1, total: all })
    : null
  return { items: shown.map(show), page: start.page, limit, total: all, nextCursor }
}

interface Start {
  page: number
  offset: number
  before: string | null
  total: number | null
}

function startOf({ page = 1, cursor }: PageOptions, prefix: IdPrefix, limit: number): Start {
  if (cursor !== undefined) return { offset: 0, ...readCursor(cursor, prefix) }
  const number = wholeNumber('page', page, 1_000_000)
  return { page: number, offset: (number - 1) * limit, before: null, total: null }
}

function wholeNumber(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new WebhooksError(
    'invalid_option',
    `${name} must be a whole number from 1 to ${most}, not ${String(value)}`,
  )
}

interface Cursor {
  before: string
  page: number
  total: number
}

function writeCursor({ before, page, total }: Cursor): string {
  return Buffer.from(`${before} ${page} ${total}`).toString('base64url')
}

/** The second page is the first that a cursor leads to. */
const cursorForm = /^([a-z]+_[0-9a-z]+) ([2-9]|[1-9]\d{1,14}) (\d{1,15})$/

function readCursor(cursor: string, prefix: IdPrefix): Cursor {
  const [, before, page, total] = cursorForm.exec(decode(cursor)) ?? []
  if (before === undefined || !before.startsWith(`${prefix}_`)) {
    throw new WebhooksError(
      'invalid_cursor',
      'This cursor is not one of this list. Pass nextCursor of the page before, unchanged.',
    )
  }
  return { before, page: Number(page), total: Number(total) }
}

function decode(cursor: unknown): string {
  if (typeof cursor !== 'string' || cursor.length > 256) return ''
  return Buffer.from(cursor, 'base64url').toString('utf8')
}
