import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ainexlayerEvents, ainexlayerExamples } from '../ainexlayer/index.ts'
import type { EventExamples } from '../catalogue/event-types.ts'
import type { EventRegistry } from '../core/events/registry.ts'
import { CliError } from './failure.ts'

export interface CatalogueOptions {
  catalogue?: string
  export?: string
}

export interface Catalogue {
  registry: EventRegistry
  examples: EventExamples
  title: string
}

/** AINexLayer's catalogue, or one from a module. @throws CliError `catalogue_unreadable` */
export async function loadCatalogue(options: CatalogueOptions): Promise<Catalogue> {
  const { catalogue, export: wanted } = options
  if (catalogue === undefined) {
    return {
      registry: ainexlayerEvents,
      examples: ainexlayerExamples,
      title: "AINexLayer's events",
    }
  }
  const exports = await importModule(catalogue)
  const registries = Object.entries(exports).filter(
    ([name, value]) => isRegistry(value) && (wanted === undefined || name === wanted),
  )
  // A module and its default export are often the same thing twice.
  const [registry, another] = [...new Set(registries.map(([, value]) => value as EventRegistry))]
  if (registry === undefined || another !== undefined) {
    const which = wanted === undefined ? 'exactly one registry' : `a registry named ${wanted}`
    throw new CliError(
      'catalogue_unreadable',
      `${catalogue} must export ${which}, made by defineEvents({ … }). It exports: ` +
        `${Object.keys(exports).join(', ') || 'nothing'}. Choose one by --export.`,
    )
  }
  return { registry, examples: examplesIn(exports, registry), title: 'Events' }
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(resolve(path)).href)) as Record<string, unknown>
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError('catalogue_unreadable', `Cannot import ${path}: ${reason}`)
  }
}

/** Told by its shape: the module has a copy of the library of its own. */
function isRegistry(value: unknown): value is EventRegistry {
  return (
    typeof value === 'object' &&
    value !== null &&
    'names' in value &&
    Array.isArray(value.names) &&
    'jsonSchema' in value &&
    typeof value.jsonSchema === 'function'
  )
}

/** An export that is an object of payloads, each under the name of an event type. */
function examplesIn(exports: Record<string, unknown>, registry: EventRegistry): EventExamples {
  const examples = Object.values(exports).find((value) => {
    if (typeof value !== 'object' || value === null || isRegistry(value)) return false
    const names = Object.keys(value)
    return names.length > 0 && names.every((name) => registry.has(name))
  })
  return (examples ?? {}) as EventExamples
}
