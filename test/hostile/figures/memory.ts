/** A hundred answers at once that never end, unpack to gigabytes or drip: what memory they take. */
import type { Misbehaviour } from '../../../src/testing/index.ts'
import { report, startReceivers, startSender } from './sender.ts'

const kinds: Misbehaviour[] = [
  'endless body',
  'endless body until it closes',
  'announces 10 GB',
  'gzip bomb',
  'brotli bomb',
  'drips its body',
  'drips its headers',
  'endless headers',
  '10 MB reason phrase',
  'endless trailers',
  'endless chunk extension',
  '103 flood',
]
const concurrent = 100
const limits = { timeoutMs: 3_000, connectTimeoutMs: 3_000 }

function residentMb(): number {
  return process.memoryUsage.rss() / 1024 ** 2
}

// As many good answers first: what they take is the price of concurrency, and not of hostility.
const good = await startReceivers(Array(concurrent).fill('answers 200'))
const warm = await startSender(good, limits)
await warm.send()
await warm.send()
await warm.webhooks.stop()
await good.close()

const receivers = await startReceivers(
  Array.from({ length: concurrent }, (_, number) => kinds[number % kinds.length] ?? 'endless body'),
)
const { webhooks, send } = await startSender(receivers, limits)
globalThis.gc?.()
const before = residentMb()
let peak = before
const timer = setInterval(() => {
  peak = Math.max(peak, residentMb())
}, 5)
await send()
await send()
clearInterval(timer)
await webhooks.stop()
await receivers.close()
report({ concurrent, grownMb: peak - before })
