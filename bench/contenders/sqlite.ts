import { join } from 'node:path'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import type { OpenContender } from './contender.ts'
import { openWebhooks } from './webhooks.ts'

export const open: OpenContender = (place) =>
  openWebhooks(place, {
    storage: sqliteStorage({ path: join(place.folder, `${place.namespace}.db`) }),
  })
