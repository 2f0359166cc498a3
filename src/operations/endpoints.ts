import type { Context } from '../core/context.ts'
import { cancelPending, switchOff } from '../core/health/disable.ts'
import { toEndpoint } from '../core/records.ts'
import { openSecret, sealHeaders, sealSecret, unexpired } from '../core/signing/endpoint-secrets.ts'
import {
  generateKeyPair,
  generateSecret,
  parseSecret,
  publicKeyOf,
} from '../core/signing/secrets.ts'
import { WebhooksError } from '../errors.ts'
import type { Attempt, Endpoint, Page } from '../model.ts'
import type { EndpointRecord, EndpointSettings, SecretRecord } from '../storage/storage.ts'
import { checkEndpointInput, checkNewEndpoint, type EndpointInput } from './endpoint-settings.ts'
import { type PageOptions, pageNames, readPage } from './listing.ts'
import { type ReencryptResult, reencryptEndpoints } from './reencrypt.ts'
import type { TenantOf, TenantOptions } from './tenant.ts'
import { sendTest } from './test-send.ts'

/** What `endpoints.create` takes. */
export interface CreateEndpointInput extends EndpointInput, TenantOptions, SecretInput {
  /** Whether it receives events at once. Default true. */
  active?: boolean | undefined
}

type Signature = 'v1' | 'v1a'

/** Which secret an endpoint gets. */
export interface SecretInput {
  /**
   * `v1`: HMAC-SHA256 with a shared secret. `v1a`: Ed25519, the receiver holds a public key. A
   * rotation keeps what the endpoint has. Default `v1`.
   */
  signature?: Signature | undefined
  /** A secret of your own (`whsec_…` or `whsk_…`), for example in a move. Default: a random one. */
  secret?: string | undefined
}

/** An endpoint together with the one look at what its owner needs to verify requests. */
export interface EndpointWithSecret extends Endpoint {
  /** `whsec_…`, or with `v1a` the public key `whpk_…`. Shown this once: store it now. */
  secret: string
}

/** What `endpoints.update` takes: only what is given changes. */
export type EndpointChanges = Partial<EndpointInput>

/** What `endpoints.list` takes. */
export interface EndpointListOptions extends TenantOptions, PageOptions {
  /** Only active, or only inactive endpoints. Default both. */
  active?: boolean | undefined
}

/** Managing the endpoints of a tenant. Unknown ids, also another tenant's, are `endpoint_not_found`. */
export interface Endpoints {
  /**
   * Creates an endpoint. It receives events emitted from now on.
   *
   * @throws WebhooksError `invalid_url`, `address_refused`, `invalid_pattern`, `invalid_filter`,
   * `invalid_header`, `invalid_secret`, `invalid_option`
   */
  create(input: CreateEndpointInput): Promise<EndpointWithSecret>
  /** @throws WebhooksError `endpoint_not_found` */
  get(id: string, options?: TenantOptions): Promise<Endpoint>
  /** Newest first. @throws WebhooksError `invalid_option`, `invalid_cursor` */
  list(options?: EndpointListOptions): Promise<Page<Endpoint>>
  /**
   * Changes what is given and leaves the rest.
   *
   * @param options - `ifVersion` makes the change only if nobody else changed it since.
   * @throws WebhooksError as `create`, and `endpoint_not_found`, `conflict`
   */
  update(
    id: string,
    changes: EndpointChanges,
    options?: TenantOptions & { ifVersion?: number | undefined },
  ): Promise<Endpoint>
  /**
   * Deletes an endpoint and cancels what is still owed to it. Its log stays until pruned.
   *
   * @throws WebhooksError `endpoint_not_found`
   */
  delete(id: string, options?: TenantOptions): Promise<void>
  /**
   * Switches an endpoint on again, with a clean record: pauses and failures are forgotten. One that
   * is on stays as it is. What it missed is not sent by itself; see `recover`. @throws WebhooksError `endpoint_not_found`
   */
  enable(id: string, options?: TenantOptions): Promise<Endpoint>
  /**
   * Switches an endpoint off and cancels what is pending; attempts under way are recorded as they
   * end. @throws WebhooksError `endpoint_not_found`
   */
  disable(id: string, options?: TenantOptions): Promise<Endpoint>
  /**
   * Gives an endpoint a new secret. The old one keeps signing beside it for
   * `limits.rotationOverlapMs` at most, so that receivers can change over without losing a request;
   * so do older ones that still sign. Ten sign at most: beyond that, the oldest ends.
   *
   * @throws WebhooksError `endpoint_not_found`, `invalid_secret`, `invalid_option`; `conflict` if it
   * was changed meanwhile; `decryption_failed` if the present secret cannot be read and `signature`
   * is not given
   */
  rotateSecret(id: string, options?: TenantOptions & SecretInput): Promise<EndpointWithSecret>
  /**
   * Sends a signed event of type `webhook.test` now, once, without retries and also to an inactive
   * endpoint, and returns how that went. It appears in the delivery log and has no effect on the
   * endpoint's health. @throws WebhooksError `endpoint_not_found`
   */
  test(id: string, options?: TenantOptions): Promise<Attempt>
  /**
   * Encrypts the secrets and header values of all endpoints of the tenant with the first of
   * `encryption.keys`, also those that were stored before there was any encryption. For all
   * tenants at once, see `webhooks.reencrypt`. Each endpoint that is written gets a new `version`.
   *
   * @throws WebhooksError `invalid_option` without `encryption`
   */
  reencrypt(options?: TenantOptions): Promise<ReencryptResult>
}

/** Builds {@link Endpoints} over an instance, for the tenants that `tenantOf` lets through. */
export function createEndpoints(context: Context, tenantOf: TenantOf): Endpoints {
  const { clock, ids, secretBox, settings, storage, transport } = context

  async function find(tenantId: string, id: string): Promise<EndpointRecord> {
    return (await storage.getEndpoint({ tenantId, id: String(id) })) ?? notFound(id)
  }

  async function change(
    tenantId: string,
    id: string,
    changes: Partial<EndpointSettings>,
    ifVersion?: number,
  ): Promise<EndpointRecord> {
    const now = clock.now()
    const params = { tenantId, id: String(id), changes, now, ifVersion }
    const changed = await storage.updateEndpoint(params)
    if (changed === 'version_mismatch') {
      throw new WebhooksError(
        'conflict',
        `Endpoint ${id} was changed since version ${ifVersion}: read it again and retry`,
      )
    }
    return changed ?? notFound(id)
  }

  return {
    async create(input) {
      const checked = checkNewEndpoint(input, ['tenantId', 'active', 'signature', 'secret'])
      const tenantId = tenantOf('endpoints.create', { tenantId: input.tenantId })
      const active = checkActive(input.active) ?? true
      const secret = createSecret(input, () => 'v1', context)
      await transport.checkUrl(checked.url)
      const now = clock.now()
      const owner = { id: ids('ep'), tenantId }
      const value = sealSecret(secretBox, owner, secret.stored)
      const record = await storage.insertEndpoint({
        endpoint: {
          ...checked,
          ...owner,
          headers: sealHeaders(secretBox, owner, checked.headers),
          secrets: [{ value, createdAt: now, expiresAt: null }],
          active,
          disabledAt: active ? null : now,
          disabledReason: active ? null : 'manual',
          createdAt: now,
        },
      })
      return { ...toEndpoint(record), secret: secret.shown }
    },

    async get(id, options) {
      return toEndpoint(await find(tenantOf('endpoints.get', options), id))
    },

    async list(options = {}) {
      const tenantId = tenantOf('endpoints.list', options, ['active', ...pageNames])
      const active = checkActive(options.active)
      return readPage(
        options,
        'ep',
        (page) => storage.listEndpoints({ tenantId, active, ...page }),
        toEndpoint,
      )
    },

    async update(id, changes, options) {
      const tenantId = tenantOf('endpoints.update', options, ['ifVersion'])
      checkVersion(options?.ifVersion)
      const checked = checkEndpointInput(changes)
      if (checked.url !== undefined) await transport.checkUrl(checked.url)
      if (checked.headers !== undefined) {
        checked.headers = sealHeaders(secretBox, { id: String(id), tenantId }, checked.headers)
      }
      return toEndpoint(await change(tenantId, id, checked, options?.ifVersion))
    },

    async delete(id, options) {
      const tenantId = tenantOf('endpoints.delete', options)
      const existed = await storage.deleteEndpoint({ tenantId, id: String(id), now: clock.now() })
      if (!existed) notFound(id)
      await cancelPending(context, { tenantId, endpointId: id, reason: 'endpoint_deleted' })
    },

    async enable(id, options) {
      const tenantId = tenantOf('endpoints.enable', options)
      const before = await find(tenantId, id)
      if (before.active) return toEndpoint(before)
      const changes = { active: true, disabledAt: null, disabledReason: null }
      return toEndpoint(await change(tenantId, id, changes))
    },

    async disable(id, options) {
      const tenantId = tenantOf('endpoints.disable', options)
      const endpoint = await switchOff(context, { tenantId, id: String(id), reason: 'manual' })
      return toEndpoint(endpoint ?? notFound(id))
    },

    async rotateSecret(id, options = {}) {
      const tenantId = tenantOf('endpoints.rotateSecret', options, ['signature', 'secret'])
      const now = clock.now()
      const expiresAt = new Date(now.getTime() + settings.limits.rotationOverlapMs)
      const before = await find(tenantId, id)
      const secret = createSecret(options, () => signatureOf(before, context), context)
      const secrets: SecretRecord[] = [
        { value: sealSecret(secretBox, before, secret.stored), createdAt: now, expiresAt: null },
        ...unexpired(before.secrets, now).map((old) => ({
          ...old,
          expiresAt: earlier(old.expiresAt ?? expiresAt, expiresAt),
        })),
      ].slice(0, mostSecrets)
      const record = await change(tenantId, id, { secrets }, before.version)
      return { ...toEndpoint(record), secret: secret.shown }
    },

    async test(id, options) {
      return sendTest(context, await find(tenantOf('endpoints.test', options), id))
    },

    async reencrypt(options) {
      return reencryptEndpoints(context, tenantOf('endpoints.reencrypt', options))
    },
  }
}

/** With one signature each, their header stays below what receivers take. */
const mostSecrets = 10

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b
}

function checkActive(active: unknown): boolean | undefined {
  if (active === undefined || typeof active === 'boolean') return active
  throw new WebhooksError('invalid_option', 'active must be true or false')
}

function createSecret(
  { signature, secret }: SecretInput,
  usual: () => Signature,
  { random }: Context,
): { stored: string; shown: string } {
  if (signature !== undefined && signature !== 'v1' && signature !== 'v1a') {
    throw new WebhooksError('invalid_option', 'signature must be "v1" (HMAC) or "v1a" (Ed25519)')
  }
  if (secret !== undefined) {
    const own = signatureBy(secret)
    if (signature !== undefined && signature !== own) {
      throw new WebhooksError(
        'invalid_secret',
        `This secret signs ${own}, not ${signature}: leave out signature, or the secret`,
      )
    }
    return { stored: secret, shown: own === 'v1a' ? publicKeyOf(secret) : secret }
  }
  if ((signature ?? usual()) === 'v1') {
    const generated = generateSecret(random)
    return { stored: generated, shown: generated }
  }
  const { secretKey, publicKey } = generateKeyPair(random)
  return { stored: secretKey, shown: publicKey }
}

/** What the newest secret of an endpoint makes: whoever verifies that holds the fitting key. */
function signatureOf(endpoint: EndpointRecord, { secretBox }: Context): Signature {
  const [newest] = endpoint.secrets
  return newest === undefined ? 'v1' : signatureBy(openSecret(secretBox, endpoint, newest.value))
}

function signatureBy(secret: string): Signature {
  return parseSecret(secret).kind === 'ed25519' ? 'v1a' : 'v1'
}

function checkVersion(version: unknown): void {
  if (version === undefined || (Number.isSafeInteger(version) && Number(version) >= 1)) return
  throw new WebhooksError(
    'invalid_option',
    `ifVersion must be the version of an endpoint, a whole number from 1 on, not ${String(version)}`,
  )
}

function notFound(id: unknown): never {
  throw new WebhooksError('endpoint_not_found', `There is no endpoint ${JSON.stringify(id)}`)
}
