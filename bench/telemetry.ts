/**
 * `npm run bench:telemetry`: what following costs in CPU time per delivery, over memory storage,
 * where everything else costs least. All contenders side by side, in rounds.
 */
import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, InMemorySpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { memoryStorage, type Telemetry } from '../src/index.ts'
import { openTelemetry } from '../src/opentelemetry/index.ts'
import { median, startReceiver } from './harness.ts'
import { endToEnd } from './throughput.ts'

const rounds = 5
const deliveriesPerRound = 10_000

/** Every span recorded and handed over in batches, to somebody who throws them away. */
function withSdk(): Telemetry {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const exporter = new InMemorySpanExporter()
  exporter.export = (_spans, done) => done({ code: 0 })
  const tracers = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] })
  const meters = new MeterProvider({
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
      }),
    ],
  })
  return openTelemetry({ tracer: tracers.getTracer('bench'), meter: meters.getMeter('bench') })
}

const contenders: Record<string, () => Telemetry | undefined> = {
  'no telemetry': () => undefined,
  'openTelemetry() without an SDK': () => openTelemetry(),
  'openTelemetry() with an SDK that keeps everything': withSdk,
}

const receiver = await startReceiver()
const cpu = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]))
// The first round warms up and is not counted.
for (let round = 0; round <= rounds; round++) {
  for (const [name, telemetry] of Object.entries(contenders)) {
    const sample = await endToEnd(receiver, deliveriesPerRound, memoryStorage(), telemetry())
    context.disable()
    if (round > 0) cpu.get(name)?.push(sample.cpuMicros)
  }
}
receiver.close()

const [base = []] = cpu.values()
console.log('| | CPU per delivery, µs | of the first |\n| --- | --- | --- |')
for (const [name, samples] of cpu) {
  const ratio = median(samples.map((sample, round) => sample / (base[round] ?? Number.NaN)))
  console.log(`| ${name} | ${median(samples).toFixed(0)} | ${ratio.toFixed(2)} |`)
}
process.exit()
