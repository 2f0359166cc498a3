import type { IncomingMessage } from 'node:http'
import { expectTypeOf, test } from 'vitest'
import { verify, type WebhookPayload } from '../../src/receiver/index.ts'

const { headers } = {} as IncomingMessage

test('data is unknown until its receiver says what it is', async () => {
  const event = await verify('', headers, 'whsec_')
  expectTypeOf(event).toEqualTypeOf<WebhookPayload<string, unknown>>()
  expectTypeOf(event.data).toBeUnknown()
})

test('a union of payloads is narrowed by type', async () => {
  type Processed = WebhookPayload<'document.processed', { words: number }>
  type Failed = WebhookPayload<'document.failed', { reason: string }>
  const event = await verify<Processed | Failed>('', new Headers(), ['whsec_'])
  if (event.type === 'document.failed') expectTypeOf(event.data).toEqualTypeOf<{ reason: string }>()
  else expectTypeOf(event.data.words).toBeNumber()
})

test('only raw bodies are taken', () => {
  verify(Buffer.from(''), headers, 'whsec_')
  verify(new ArrayBuffer(0), headers, 'whsec_')
  // @ts-expect-error A parsed body has lost the bytes that were signed.
  verify({ type: 'a' }, headers, 'whsec_')
})
