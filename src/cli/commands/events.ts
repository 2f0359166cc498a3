import { type Command, Option } from 'commander'
import type { EventExamples } from '../../catalogue/event-types.ts'
import type { CatalogueInfo } from '../../catalogue/openapi-document.ts'
import type { EventRegistry } from '../../core/events/registry.ts'
import type { CatalogueOptions } from '../catalogue.ts'
import type { Io } from '../io.ts'

interface EventsOptions extends CatalogueOptions {
  format: keyof typeof writers
  title?: string
  apiVersion: string
}

type Writer = (registry: EventRegistry, info: CatalogueInfo, examples: EventExamples) => unknown

/** Loaded when wanted: zod and the catalogue take longer than the rest of the command line. */
const writers = {
  markdown: async () => (await import('../../catalogue/markdown.ts')).catalogueMarkdown,
  'json-schema': async () => {
    const { jsonSchemaDocument } = await import('../../catalogue/json-schema-document.ts')
    return (registry, { title }) => jsonSchemaDocument(registry, title)
  },
  openapi: async () => (await import('../../catalogue/openapi-document.ts')).openApiDocument,
  asyncapi: async () => (await import('../../catalogue/asyncapi-document.ts')).asyncApiDocument,
  typescript: async () => {
    const { catalogueTypeScript } = await import('../../catalogue/typescript.ts')
    return (registry, { title }) => catalogueTypeScript(registry, title)
  },
} satisfies Record<string, () => Promise<Writer>>

export function addEvents(program: Command, io: Io): void {
  const formats = new Option('--format <format>', 'what to write')
    .choices(Object.keys(writers))
    .default('markdown')
  program
    .command('events')
    .summary('describe the event types for receivers')
    .description(
      'Writes the catalogue as a page of Markdown, JSON Schema (2020-12), OpenAPI 3.1 (webhooks), ' +
        'AsyncAPI 3.0, or as TypeScript types for createReceiver<WebhookEvents>.',
    )
    .addOption(formats)
    .option('--catalogue <file>', "a module that exports a registry (default: AINexLayer's)")
    .option('--export <name>', 'which of its exports, where it has several')
    .option('--title <title>', 'title of the document')
    .option('--api-version <version>', 'version of the document', '1.0.0')
    .addHelpText(
      'after',
      `
Examples:
  $ ainexlayer-webhooks events --format openapi > openapi.json
  $ ainexlayer-webhooks events --format typescript --catalogue ./events.js > webhook-events.ts`,
    )
    .action(async (options: EventsOptions) => {
      const { loadCatalogue } = await import('../catalogue.ts')
      const { registry, examples, title } = await loadCatalogue(options)
      const info = { title: options.title ?? title, version: options.apiVersion }
      const write: Writer = await writers[options.format]()
      const written = write(registry, info, examples)
      io.stdout.write(
        typeof written === 'string' ? written : `${JSON.stringify(written, null, 2)}\n`,
      )
    })
}
