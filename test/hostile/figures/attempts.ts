/** Every kind of receiver at once: how late attempts end, and what `stop()` leaves open. */
import { setTimeout as sleep } from 'node:timers/promises'
import { misbehaviours } from '../../../src/testing/index.ts'
import { report, startReceivers, startSender } from './sender.ts'

const timeoutMs = 1_000
const rounds = 3

// A busy machine delays attempts in some round; what is wrong with us delays them in each.
let longestMs = Number.POSITIVE_INFINITY
for (let round = 0; round < rounds; round++) {
  // All of it anew: what misbehaved is at rest afterwards, and names misbehave on later look-ups.
  const receivers = await startReceivers(misbehaviours)
  const { webhooks, send } = await startSender(receivers, {
    timeoutMs,
    connectTimeoutMs: timeoutMs,
  })
  longestMs = Math.min(longestMs, Math.max(...(await send())))
  await webhooks.stop()
  await receivers.close()
}
// What is closed by us is closed at once; only what Node does to forget it takes a turn or two.
await sleep(50)
const open = process.getActiveResourcesInfo().filter((name) => /TCP|TLS|GetAddr|DNS/.test(name))
report({ kinds: misbehaviours.length, overrunMs: longestMs - timeoutMs, open: open.length })
