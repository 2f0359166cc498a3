import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, InMemorySpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { memoryStorage } from '../../src/index.ts'
import { openTelemetry } from '../../src/opentelemetry/index.ts'
import type { OpenContender } from './contender.ts'
import { openWebhooks } from './webhooks.ts'

/** Every span recorded and handed over in batches, to somebody who throws them away. */
export const open: OpenContender = (place) => {
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
  const telemetry = openTelemetry({
    tracer: tracers.getTracer('bench'),
    meter: meters.getMeter('bench'),
  })
  return openWebhooks(place, { storage: memoryStorage(), telemetry })
}
