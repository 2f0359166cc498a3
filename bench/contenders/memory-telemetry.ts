import { memoryStorage } from '../../src/index.ts'
import { openTelemetry } from '../../src/opentelemetry/index.ts'
import type { OpenContender } from './contender.ts'
import { openWebhooks } from './webhooks.ts'

/** Without an SDK, every span and measurement goes nowhere. */
export const open: OpenContender = (place) =>
  openWebhooks(place, { storage: memoryStorage(), telemetry: openTelemetry() })
