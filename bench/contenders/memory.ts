import { memoryStorage } from '../../src/index.ts'
import type { OpenContender } from './contender.ts'
import { openWebhooks } from './webhooks.ts'

export const open: OpenContender = (place) => openWebhooks(place, { storage: memoryStorage() })
