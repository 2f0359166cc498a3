import type { EventRegistry, JsonSchema } from '../core/events/registry.ts'
import type { EventExamples } from './event-types.ts'
import { openApiWebhooks } from './openapi-webhooks.ts'

/** What a document says of itself. */
export interface CatalogueInfo {
  title: string
  version: string
}

export const catalogueIntroduction =
  'Every event is one HTTP POST, signed by Standard Webhooks 1.0.0. It is sent at least once, with ' +
  'the same webhook-id on every attempt, in any order. Ignore fields and types that you do not know.'

/** An OpenAPI 3.1 document of a catalogue: nothing to call, only webhooks to receive. */
export function openApiDocument(
  registry: EventRegistry,
  info: CatalogueInfo,
  examples?: EventExamples,
): JsonSchema {
  return {
    openapi: '3.1.1',
    info: { ...info, description: catalogueIntroduction },
    webhooks: openApiWebhooks(registry, examples),
  }
}
