import { WebhooksError } from '../errors.ts'
import { checkOptions } from '../option-names.ts'

/** Whose data a call is about. */
export interface TenantOptions {
  /** The owner, 1 to 256 characters. Default `default`, for hosts with a single tenant. */
  tenantId?: string | undefined
}

/**
 * The tenant of a call: as named, or, on a face bound to one tenant, that one and no other. The
 * call's options may hold nothing but it and `names`: a misspelt `tenantId` would be the default one.
 */
export type TenantOf = <Options extends TenantOptions>(
  call: string,
  options: Options | undefined,
  names?: readonly (keyof Options & string)[],
) => string

const defaultTenant = 'default'
const longestTenantId = 256

/**
 * Reads the tenant from a call's options.
 *
 * @throws WebhooksError `invalid_option` for an id that is no id, which must never fall back to
 * the default tenant: `tenantId: null` is a missing value somewhere, not a choice.
 */
export const anyTenant: TenantOf = (call, options, names) => {
  const tenantId = readTenantId(call, options, names)
  return tenantId === undefined ? defaultTenant : checkTenantId(tenantId)
}

/** Binds a face to one tenant. @throws WebhooksError `invalid_option` */
export function onlyTenant(tenantId: string): TenantOf {
  const bound = checkTenantId(tenantId)
  return (call, options, names) => {
    const tenantId = readTenantId(call, options, names)
    if (tenantId === undefined || tenantId === bound) return bound
    throw new WebhooksError(
      'invalid_option',
      `This face is bound to tenant "${bound}"; call forTenant() for another one`,
    )
  }
}

const readTenantId = <Options extends TenantOptions>(
  call: string,
  options: Options | undefined,
  names: readonly (keyof Options & string)[] = [],
): string | undefined =>
  options === undefined ? undefined : checkOptions(call, options, ['tenantId', ...names]).tenantId

function checkTenantId(tenantId: unknown): string {
  if (typeof tenantId === 'string' && tenantId.length >= 1 && tenantId.length <= longestTenantId) {
    return tenantId
  }
  throw new WebhooksError(
    'invalid_option',
    `tenantId must be a string of 1 to ${longestTenantId} characters; leave it out for "default"`,
  )
}
