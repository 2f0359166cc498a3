import pino from 'pino'
import { expectTypeOf, test } from 'vitest'
import type { Logger } from '../../src/index.ts'

test('pino and console are loggers, and so is a child of pino', () => {
  expectTypeOf(pino()).toExtend<Logger>()
  expectTypeOf(pino().child({ part: 'webhooks' })).toExtend<Logger>()
  expectTypeOf(console).toExtend<Logger>()
  expectTypeOf({ info() {} }).not.toExtend<Logger>()
})
