/** Who may do what: a backend has users, sessions or API keys for this. */
import { type ManagementAccess, managementActions } from '@ainexlayer/webhooks/management'

const keys: Record<string, ManagementAccess> = {
  key_admin: { tenantId: 'ws_1', actions: managementActions },
  key_on_call: { tenantId: 'ws_1', actions: ['read', 'send'] },
  key_stranger: { tenantId: 'ws_2', actions: managementActions },
}

/** What the key in `Authorization: Bearer …` permits; `null` for one that is not known. */
export function accessOf(authorization: string | null | undefined): ManagementAccess | null {
  const [, key = ''] = /^Bearer (\w+)$/.exec(authorization ?? '') ?? []
  return Object.hasOwn(keys, key) ? (keys[key] ?? null) : null
}
