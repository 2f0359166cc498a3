import { claimDeliveriesFunction } from './claim-deliveries.ts'
import { deliveryFunctions } from './delivery-functions.ts'
import { fanOutFunctions } from './fan-out.ts'
import { insertEventsFunctions } from './insert-events.ts'
import { keptEventsFunctions } from './kept-events.ts'
import { laneFunctions } from './lanes.ts'
import type { SchemaNames } from './names.ts'
import { operationFunctions } from './operation-functions.ts'
import { settleDeliveriesFunction } from './settle-deliveries.ts'
import { tables } from './tables.ts'

/**
 * Entry `n` brings a schema from version `n` to `n + 1`. A migration that has shipped is never
 * edited; a change is a new entry.
 *
 * During a rolling deploy, processes of the release before run on the new schema. So a migration
 * adds, and takes away only what the release before has stopped using; a function that takes or
 * returns something else gets another name.
 */
export const migrations: readonly ((names: SchemaNames) => string)[] = [
  (names) =>
    [
      tables,
      laneFunctions,
      insertEventsFunctions,
      keptEventsFunctions,
      fanOutFunctions,
      claimDeliveriesFunction,
      settleDeliveriesFunction,
      deliveryFunctions,
      operationFunctions,
    ]
      .map((part) => part(names))
      .join(''),
]

/** Where the version stands. */
export function migrationsTable({ schema }: SchemaNames): string {
  return `
CREATE TABLE IF NOT EXISTS ${schema}.migrations (
  version    integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);
`
}
