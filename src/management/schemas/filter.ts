import * as z from 'zod'
import type { Filter } from '../../core/matching/filter.ts'
import { component, documentation } from './documentation.ts'

const path = z.string()
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])
const ordered = z.union([z.number(), z.string()])

/** A payload filter as an answer shows it, and as the document describes it. */
export const filterSchema: z.ZodType<Filter> = component(
  'Filter',
  "A condition on an event's data. `path` is a dotted path from the data's root.",
  z.lazy(() =>
    z.union([
      z.strictObject({ and: z.array(filterSchema) }),
      z.strictObject({ or: z.array(filterSchema) }),
      z.strictObject({ not: filterSchema }),
      z.strictObject({ path, equals: scalar }),
      z.strictObject({ path, notEquals: scalar }),
      z.strictObject({ path, greaterThan: ordered }),
      z.strictObject({ path, atLeast: ordered }),
      z.strictObject({ path, lessThan: ordered }),
      z.strictObject({ path, atMost: ordered }),
      z.strictObject({ path, in: z.array(scalar) }),
      z.strictObject({ path, exists: z.boolean() }),
      z.strictObject({ path, prefix: z.string() }),
    ]),
  ),
)

/**
 * A payload filter as a request brings it. Described like the one above, and judged by
 * `validateFilter`: a union would try every alternative at every depth of what a stranger sends.
 */
export const givenFilter = z.unknown() as unknown as z.ZodType<Filter>
documentation.add(givenFilter, { $ref: '#/components/schemas/Filter' })
