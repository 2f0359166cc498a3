/**
 * `npm run bench`: everything side by side in one run. Prints a report and writes bench/RESULTS.md,
 * bench/results.json and the tables of docs/scaling.md. `--only postgres,bullmq` runs some
 * contenders, `--quick` everything in less time and with less certainty.
 */
import { writeFileSync } from 'node:fs'
import { measureFigures } from './figures/index.ts'
import { describeMachine } from './machine.ts'
import { readOptions } from './options.ts'
import type { ReceiverCalls } from './receiver.ts'
import { writeReport } from './report.ts'
import { startPeer } from './rpc.ts'
import { startServers } from './servers/index.ts'
import { measureThroughput } from './throughput.ts'
import { updateScaling } from './update-scaling.ts'
import { judgeThroughput } from './verdicts.ts'

const { chosen, effort, withFigures, writesReport } = readOptions()
const receiver = startPeer<ReceiverCalls>('./receiver.ts')
const { url } = await receiver.call('listen', undefined)
const servers = await startServers(chosen, url)
try {
  const machine = describeMachine(servers)
  const results = await measureThroughput(chosen, effort, { servers, receiver })
  const figures =
    withFigures && servers.postgres ? await measureFigures(servers.postgres, effort) : []
  const report = { machine, effort, results, verdicts: [...judgeThroughput(results), ...figures] }
  const text = writeReport(report)
  console.log(text)
  if (writesReport) {
    writeFileSync(new URL('./RESULTS.md', import.meta.url), text)
    writeFileSync(
      new URL('./results.json', import.meta.url),
      `${JSON.stringify(report, null, 2)}\n`,
    )
    updateScaling()
  }
} finally {
  await servers.stop()
  await receiver.end()
}
