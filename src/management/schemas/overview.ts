import * as z from 'zod'
import { count, givenInstant, instant, text } from './common.ts'
import { about, component } from './documentation.ts'

/** An event type. */
export const eventTypeSchema = component(
  'EventType',
  'An event type that endpoints can subscribe to.',
  z.object({
    name: text('Such as `document.processed`.'),
    description: about('`null` where its schema has none.', z.string().nullable()),
    schema: about(
      'JSON Schema (2020-12) of the `data` that is sent.',
      z.record(z.string(), z.unknown()),
    ),
  }),
)

/** All event types. */
export const eventTypesSchema = component(
  'EventTypes',
  'All event types, in the order of the catalogue.',
  z.object({ items: z.array(eventTypeSchema) }),
)

const milliseconds = (description: string) => about(description, z.number().min(0).nullable())

/** Figures. */
export const statsSchema = component(
  'Stats',
  'How delivering goes.',
  z.object({
    since: instant('From this instant on.'),
    until: instant('Before this instant.'),
    deliveries: about(
      'Deliveries created in this time, by status.',
      z.object({
        pending: z.int().min(0),
        succeeded: z.int().min(0),
        failed: z.int().min(0),
        cancelled: z.int().min(0),
      }),
    ),
    attempts: about(
      'Attempts started in this time.',
      z.object({ succeeded: z.int().min(0), failed: z.int().min(0) }),
    ),
    successRate: about(
      'Share of attempts that succeeded; `null` where there was none.',
      z.number().min(0).max(1).nullable(),
    ),
    durationMs: about(
      'How long succeeded attempts took; `null` where there was none.',
      z.object({
        p50: milliseconds('Half took no longer.'),
        p95: milliseconds('95 % took no longer.'),
        p99: milliseconds('99 % took no longer.'),
      }),
    ),
    backlog: count('Deliveries that wait, of whatever age.'),
    oldestPendingAgeMs: milliseconds('Age of the oldest pending delivery.'),
  }),
)

/** Figures over time. */
export const statsHistorySchema = component(
  'StatsHistory',
  'The time asked for in 24 equal parts, oldest first, and how delivering went in each.',
  z.object({ items: z.array(statsSchema) }),
)

/** What figures take. */
export const statsQuery = z.strictObject({
  since: givenInstant('From this instant on. Default 24 hours ago.').optional(),
  until: givenInstant('Before this instant. Default now.').optional(),
})
