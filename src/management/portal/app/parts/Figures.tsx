import { useState } from 'preact/hooks'
import { api } from '../api.ts'
import { count, duration, percent, plural } from '../format.ts'
import { useLoaded } from '../load.ts'
import { periodStart, periods } from '../periods.ts'
import { LatencyChart } from './LatencyChart.tsx'
import { ProblemNotice } from './Notice.tsx'
import { Skeleton } from './Skeleton.tsx'
import { SuccessChart } from './SuccessChart.tsx'

const refreshMs = 5_000

/** How delivering goes: figures and plots of one endpoint, or of all. */
export function Figures({ endpointId }: { endpointId: string | null }) {
  const [period, setPeriod] = useState<string>('24h')
  const { value, problem, reload } = useLoaded(
    `figures ${endpointId} ${period}`,
    async () => {
      const since = periodStart(period)
      const [stats, history] = await Promise.all([
        api.stats(endpointId, { since }),
        api.history(endpointId, { since }),
      ])
      return { stats, history: history.items }
    },
    refreshMs,
  )
  const stats = value?.stats
  const tile = (label: string, text: string | undefined, note: string) => (
    <div class="tile">
      <dt>{label}</dt>
      <dd>
        {text ?? '…'} <small>{note}</small>
      </dd>
    </div>
  )
  return (
    <section class="card" aria-labelledby="figures-title">
      <header class="card-head">
        <h2 id="figures-title">Health</h2>
        <select
          aria-label="Time shown"
          value={period}
          onChange={(event) => setPeriod(event.currentTarget.value)}
        >
          {periods.map(({ name, label }) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </header>
      <ProblemNotice problem={problem} title="No figures" retry={reload} />
      {value === null && problem === null && <Skeleton />}
      {stats !== undefined && (
        <dl class="tiles">
          {tile(
            'Success rate',
            stats.successRate === null ? '–' : percent(stats.successRate),
            `of ${plural(stats.attempts.succeeded + stats.attempts.failed, 'attempt')}`,
          )}
          {tile(
            'Response time',
            stats.durationMs.p95 === null ? '–' : duration(stats.durationMs.p95),
            '95 % are faster',
          )}
          {tile('Waiting', count(stats.backlog), stats.backlog === 1 ? 'delivery' : 'deliveries')}
          {tile(
            'Oldest waiting',
            stats.oldestPendingAgeMs === null ? '–' : duration(stats.oldestPendingAgeMs),
            stats.oldestPendingAgeMs === null ? 'nothing waits' : 'old',
          )}
        </dl>
      )}
      {value !== null && (
        <div class="charts">
          <SuccessChart history={value.history} />
          <LatencyChart history={value.history} />
        </div>
      )}
    </section>
  )
}
