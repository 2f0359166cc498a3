import PQueue from 'p-queue'
import type { Context } from '../core/context.ts'
import { renewSecrets } from '../core/signing/endpoint-secrets.ts'
import { isWebhooksError, WebhooksError } from '../errors.ts'
import { checkOptions } from '../option-names.ts'
import type { EndpointRecord } from '../storage/storage.ts'

/** What `endpoints.reencrypt` resolves to. */
export interface ReencryptResult {
  /** Endpoints that were written anew; the others had the first key already. */
  changed: number
  /**
   * Ids of endpoints with a value that no key opens, left as they are. As long as there are any,
   * their requests fail with origin `sender`, and the key that they miss is still needed.
   */
  unreadable: string[]
}

/** What `webhooks.reencrypt` takes: nothing, for everything at once. */
export interface ReencryptOptions {
  /** Endpoints looked at in this call at most. Default: all there are. */
  limit?: number | undefined
  /** The `nextCursor` of the call before; `null` begins anew. Default: `null`. */
  cursor?: string | null | undefined
}

/** What `webhooks.reencrypt` resolves to. */
export interface ReencryptAllResult extends ReencryptResult {
  /** Where to go on; `null` when every endpoint was looked at. */
  nextCursor: string | null
}

/** Endpoints held in memory at once. */
const perPage = 500

/** Endpoints written at once: each takes a round trip, and others need the storage as well. */
const atOnce = 4

/** Encrypts everything of a tenant's endpoints with the first key. */
export async function reencryptEndpoints(
  context: Context,
  tenantId: string,
): Promise<ReencryptResult> {
  requireKey(context)
  const result: ReencryptResult = { changed: 0, unreadable: [] }
  let before: string | null = null
  do {
    const page: EndpointRecord[] = await readPage(context, tenantId, before)
    await reencryptPage(context, page, result)
    before = page.length < perPage ? null : (page.at(-1)?.id ?? null)
  } while (before !== null)
  return result
}

/**
 * Encrypts everything of all tenants' endpoints with the first key, page by page in the order of
 * their ids. What has that key already is read and left alone, so that a run that died is simply
 * started again.
 */
export async function reencryptAll(
  context: Context,
  options: ReencryptOptions = {},
): Promise<ReencryptAllResult> {
  requireKey(context)
  const names = ['limit', 'cursor'] as const
  const { limit = Number.POSITIVE_INFINITY, cursor = null } = checkOptions(
    'reencrypt',
    options,
    names,
  )
  if (limit !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(limit) && limit >= 1)) {
    throw new WebhooksError('invalid_option', 'limit must be a whole number above zero')
  }
  // With a cursor of nowhere it would end at once, and say that everything has the first key.
  if (cursor !== null && !(typeof cursor === 'string' && /^ep_[0-9a-z]+$/.test(cursor))) {
    throw new WebhooksError(
      'invalid_cursor',
      'This cursor is not one of ours. Pass nextCursor of the call before, unchanged.',
    )
  }
  const result: ReencryptAllResult = { changed: 0, unreadable: [], nextCursor: cursor }
  for (let left = limit; ; ) {
    const size = Math.min(perPage, left)
    const { nextCursor: after } = result
    const page = await context.storage.listAllEndpoints({ after, limit: size })
    await reencryptPage(context, page, result)
    result.nextCursor = page.length < size ? null : (page.at(-1)?.id ?? null)
    left -= page.length
    if (result.nextCursor === null || left < 1) return result
  }
}

function requireKey({ secretBox }: Context): void {
  if (secretBox.encrypts) return
  throw new WebhooksError(
    'invalid_option',
    'There is no key to encrypt with: pass encryption.keys to createWebhooks',
  )
}

async function reencryptPage(
  context: Context,
  page: EndpointRecord[],
  result: ReencryptResult,
): Promise<void> {
  const queue = new PQueue({ concurrency: atOnce })
  try {
    const outcomes = await queue.addAll(page.map((endpoint) => () => reencrypt(context, endpoint)))
    outcomes.forEach((outcome, index) => {
      if (outcome === 'changed') result.changed++
      if (outcome === 'unreadable') result.unreadable.push(page[index]?.id ?? '')
    })
  } catch (error) {
    queue.clear()
    await queue.onIdle()
    throw error
  }
}

async function readPage(
  { storage }: Context,
  tenantId: string,
  before: string | null,
): Promise<EndpointRecord[]> {
  const list = { tenantId, offset: 0, before, limit: perPage, withTotal: false }
  return (await storage.listEndpoints(list)).items
}

type Outcome = 'changed' | 'unchanged' | 'unreadable'

/** Reads again and tries anew where somebody changed the endpoint in between. */
async function reencrypt(context: Context, found: EndpointRecord): Promise<Outcome> {
  const { clock, secretBox, storage } = context
  const { tenantId, id } = found
  let endpoint: EndpointRecord | null = found
  while (endpoint !== null) {
    const now = clock.now()
    const changes = tryToRenew(() => renewSecrets(secretBox, endpoint ?? found, now))
    if (changes === null) return 'unchanged'
    if (changes === 'unreadable') return 'unreadable'
    const ifVersion = endpoint.version
    const changed = await storage.updateEndpoint({ tenantId, id, changes, now, ifVersion })
    if (changed !== 'version_mismatch') return changed === null ? 'unchanged' : 'changed'
    endpoint = await storage.getEndpoint({ tenantId, id })
  }
  return 'unchanged'
}

function tryToRenew<Changes>(renew: () => Changes): Changes | 'unreadable' {
  try {
    return renew()
  } catch (error) {
    if (isWebhooksError(error, 'decryption_failed')) return 'unreadable'
    throw error
  }
}
