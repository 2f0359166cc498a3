/**
 * The building blocks of AINexLayer's payloads, and the rules that all of them follow:
 *
 * - **Fields nobody declared are left out, not refused** (`z.object`, neither strict nor loose).
 *   Passing them on would leak whatever a host happens to spread into the data, such as a row with
 *   a password hash; refusing them would lose an event over a field that no receiver knows.
 *   TypeScript still points at them where the data is written out.
 * - **Payloads only grow.** A later version may add fields and values of enumerations; it never
 *   removes, renames or retypes one. The published JSON Schemas are open for that reason, and
 *   receivers should ignore what they do not know.
 * - **A field is always there.** What may be unknown is `null`; `emit` fills it in where it is
 *   left out, so that receivers never tell "missing" from "nothing".
 * - **Ids** are opaque texts. **Instants** are ISO 8601 in UTC with a `Z`, so that they sort as
 *   texts and payload filters can compare them. **Sizes** are bytes, **durations** milliseconds,
 *   in names that say so.
 */
import * as z from 'zod'

/** An opaque identifier. */
export function id(description: string) {
  return z.string().min(1).max(255).describe(description)
}

/** A text that says something: not empty. */
export function text(description: string) {
  return z.string().min(1).describe(description)
}

/** An instant, such as `2026-11-23T20:15:04.120Z`. */
export function instant(description: string) {
  return z.iso.datetime().describe(description)
}

/** How many of something there are. */
export function count(description: string) {
  return z.int().nonnegative().describe(description)
}

/** A span of time in whole milliseconds. */
export function durationMs(description: string) {
  return z.int().nonnegative().describe(description)
}

/** A field that may be unknown: may be left out on emit, and is then sent as `null`. */
export function orNull<Schema extends z.ZodType>(schema: Schema, description: string) {
  return schema.nullable().default(null).describe(description)
}

/** A list that is empty unless given. */
export function list<Schema extends z.ZodType>(element: Schema, description: string) {
  return z
    .array(element)
    .default(() => [])
    .describe(description)
}

/** The workspace in which something happened. */
export const workspace = z
  .object({
    id: id('Id of the workspace.'),
    name: text('Name of the workspace at that moment.'),
  })
  .describe('The workspace in which it happened.')

/** Who did something. One flat shape for all kinds, so that filters can reach every field. */
export const actor = z
  .object({
    type: z
      .enum(['user', 'api_key', 'system'])
      .describe('A person, a program by its API key, or AINexLayer itself.'),
    id: orNull(z.string().min(1), 'Id of the user or of the API key; null for the system.'),
    name: text('Name of the user, of the API key, or of the part of the system.'),
  })
  .describe('Who did it.')

/** What an account, or a member of a workspace, may do. */
export const role = z.enum(['admin', 'manager', 'user'])

/** A person's account. */
export const user = z
  .object({
    id: id('Id of the user.'),
    username: text('Name the user signs in with.'),
    displayName: orNull(z.string().min(1), 'Name shown to others, if the user gave one.'),
    email: orNull(z.email(), 'E-mail address, if one is known.'),
    role: role.describe('Role of the account on the platform.'),
  })
  .describe('The user.')

/** A language model and who runs it. */
export const model = z.object({
  provider: text('Who runs the model, such as "openai", "anthropic" or "ollama".'),
  name: text('Name of the model in the words of its provider.'),
})

const changedValue = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())])

/**
 * What an update changed. Keyed by field, rather than a list, so that payload filters can ask for
 * one: `{ path: 'changes.name', exists: true }`.
 */
export const changes = z
  .record(
    z.string().min(1),
    z.object({
      previous: changedValue.describe('Value before; null if there was none.'),
      current: changedValue.describe('Value from now on; null if it was removed.'),
    }),
  )
  .refine((fields) => Object.keys(fields).length > 0, 'must name at least one changed field')
  .meta({ minProperties: 1 })
  .describe(
    'The fields that changed, by name, each with its value before and after. Fields that hold ' +
      'secrets are named with null on both sides.',
  )
