import type { Stats } from '../api.ts'
import { duration } from '../format.ts'
import { ChartFrame } from './ChartFrame.tsx'

const height = 100
const slot = 20

type Percentile = 'p50' | 'p95'

/** How long successful attempts took, over time. */
export function LatencyChart({ history }: { history: Stats[] }) {
  const slowest = history.map(({ durationMs }) => durationMs.p95).filter((ms) => ms !== null)
  const most = Math.max(1, ...slowest)
  const at = (ms: number) => height - 2 - (ms / most) * (height - 6)
  const text = (ms: number | null) => (ms === null ? '–' : duration(ms))
  return (
    <ChartFrame
      title="Response time"
      legend={[
        ['p50', 'half are faster'],
        ['p95', '95 % are faster'],
      ]}
      top={slowest.length === 0 ? null : duration(most)}
      nothing="No attempt succeeded in this time"
      history={history}
      columns={['Half', '95 %']}
      row={({ durationMs }) => [text(durationMs.p50), text(durationMs.p95)]}
    >
      <svg
        viewBox={`0 0 ${history.length * slot} ${height}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        {(['p95', 'p50'] as const).map((name) =>
          runs(history, name).map((points) => (
            <polyline
              key={`${name} ${points[0]?.[0]}`}
              class={name}
              vector-effect="non-scaling-stroke"
              points={points.map(([index, ms]) => `${index * slot + slot / 2},${at(ms)}`).join(' ')}
            />
          )),
        )}
      </svg>
    </ChartFrame>
  )
}

/** Stretches without a gap. A lone point becomes a short line, or it would not be seen. */
function runs(history: Stats[], name: Percentile): [number, number][][] {
  const found: [number, number][][] = []
  let current: [number, number][] = []
  for (const [index, { durationMs }] of history.entries()) {
    const ms = durationMs[name]
    if (ms === null) {
      current = []
      continue
    }
    if (current.length === 0) found.push(current)
    current.push([index, ms])
  }
  return found.map((points) => {
    const [only] = points
    if (points.length > 1 || only === undefined) return points
    const [index, ms] = only
    return [
      [index - 0.3, ms],
      [index + 0.3, ms],
    ]
  })
}
