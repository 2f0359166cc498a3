/** The receivers' own process: what they send must not count as the sender's work or memory. */
import { type Misbehaviour, misbehavingReceiver } from '../../../src/testing/index.ts'

process.on('message', async (kinds: Misbehaviour[]) => {
  const started = await Promise.all(kinds.map((kind) => misbehavingReceiver(kind)))
  process.send?.(started.map(({ url, certificateAuthority }) => ({ url, certificateAuthority })))
})
// The sender's death is ours.
process.on('disconnect', () => process.exit())
