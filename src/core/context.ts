import type { Clock, Logger, Random, Telemetry } from '../ports.ts'
import type { Storage } from '../storage/storage.ts'
import type { Transport } from '../transport/transport.ts'
import type { IdSource } from './ids.ts'
import type { Notifier } from './notifications.ts'
import type { Settings } from './settings.ts'
import type { SecretBox } from './signing/secret-box.ts'

/** What the parts of one instance share: its ports and its settings. */
export interface Context {
  readonly settings: Settings
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Who follows with traces and metrics; `null` for nobody. */
  readonly telemetry: Telemetry | null
  readonly ids: IdSource
  readonly notifier: Notifier
  readonly storage: Storage<unknown>
  readonly transport: Transport
  /** Encrypts what is secret before it reaches the storage. */
  readonly secretBox: SecretBox
}
