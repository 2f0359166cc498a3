/** The real SDK, with what it exports kept in memory. */
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'

export interface Sdk {
  /** Every span that ended, in that order. */
  spans(): ReadableSpan[]
  /** The points of a metric by now; of a histogram, how many values and their sum. */
  points(name: string): Promise<{ attributes: object; value: unknown }[]>
  /** Names of all metrics that have a point. */
  metricNames(): Promise<string[]>
  /** Everything that was exported, written down. */
  everything(): Promise<string>
  stop(): Promise<void>
}

export function startSdk(): Sdk {
  const contexts = new AsyncLocalStorageContextManager().enable()
  context.setGlobalContextManager(contexts)
  const exporter = new InMemorySpanExporter()
  const tracers = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  trace.setGlobalTracerProvider(tracers)
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 3_600_000,
  })
  const meters = new MeterProvider({ readers: [reader] })
  metrics.setGlobalMeterProvider(meters)

  async function collect() {
    const { resourceMetrics, errors } = await reader.collect()
    if (errors.length > 0) throw errors[0]
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
  }

  return {
    spans: () => exporter.getFinishedSpans(),
    async points(name) {
      const metric = (await collect()).find(({ descriptor }) => descriptor.name === name)
      return (metric?.dataPoints ?? []).map(({ attributes, value }) => ({
        attributes,
        value: typeof value === 'object' ? { count: value.count, sum: value.sum ?? 0 } : value,
      }))
    },
    metricNames: async () => (await collect()).map(({ descriptor }) => descriptor.name).sort(),
    async everything() {
      const spans = exporter.getFinishedSpans().map((span) => ({
        ...{ name: span.name, attributes: span.attributes, events: span.events },
        ...{ links: span.links, status: span.status, resource: span.resource.attributes },
      }))
      return JSON.stringify([spans, await collect()])
    },
    async stop() {
      await tracers.shutdown()
      await meters.shutdown()
      for (const api of [context, trace, metrics]) api.disable()
    },
  }
}
