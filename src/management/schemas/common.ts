import * as z from 'zod'
import { about, component } from './documentation.ts'

/** An instant in an answer. */
export const instant = (description: string) => about(description, z.iso.datetime())

/** An instant, or nothing, in an answer. */
export const instantOrNull = (description: string) =>
  about(description, z.iso.datetime().nullable())

/** A text in an answer. */
export const text = (description: string) => about(description, z.string())

/** A whole number from 0 in an answer. */
export const count = (description: string) => about(description, z.int().min(0))

/** An instant in a request: RFC 3339 with an offset, such as `2026-11-28T12:00:00Z`. */
export const givenInstant = (description: string) =>
  about(
    description,
    z.iso
      .datetime({ offset: true, error: 'must be an instant such as 2026-11-28T12:00:00Z' })
      .transform((value) => new Date(value))
      .pipe(z.date()),
  )

/** A whole number in a query. */
const wholeNumber = (description: string, most: number) =>
  about(
    description,
    z
      .string()
      .regex(/^\d{1,15}$/, `must be a whole number from 1 to ${most}`)
      .transform(Number)
      .pipe(z.int().min(1).max(most)),
  )

/** `true` or `false` in a query. */
export const flag = (description: string) =>
  about(
    description,
    z
      .enum(['true', 'false'], 'must be true or false')
      .transform((value) => value === 'true')
      .pipe(z.boolean()),
  )

/** The part of a list that is wanted. */
export const pageQuery = {
  page: wholeNumber(
    'Numbered page, 1 for the first. For deep pages `cursor` is faster.',
    1_000_000,
  ).optional(),
  limit: wholeNumber('Items per page. Default 20.', 100).optional(),
  cursor: about(
    '`nextCursor` of the page before. Takes the place of `page`.',
    z.string().max(256),
  ).optional(),
}

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(id: string, item: Item) {
  return component(
    id,
    'One page of a list, newest first.',
    z.object({
      items: z.array(item),
      page: about('1 for the first.', z.int().min(1)),
      limit: about('Items per page.', z.int().min(1)),
      total: count('How many items match, counted when the first page was read.'),
      nextCursor: about('For the page after this one; `null` on the last.', z.string().nullable()),
    }),
  )
}

/** A body where there is nothing to say. */
export const nothing = z.strictObject({})

/** How a refusal looks (RFC 9457). */
export const problemSchema = component(
  'Problem',
  'An answer that is no success (RFC 9457). Programs go by `code`.',
  z.object({
    type: z.literal('about:blank'),
    title: text('The status in words.'),
    status: z.int(),
    detail: text('What went wrong and the way out, for people.'),
    code: text('What went wrong, for programs. Stable.'),
    issues: about(
      'What exactly is wrong with the request: one entry per finding.',
      z.array(
        z.object({
          path: about('Where, outermost key first.', z.array(z.union([z.string(), z.int()]))),
          message: z.string(),
        }),
      ),
    ).optional(),
  }),
)
