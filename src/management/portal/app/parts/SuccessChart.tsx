import type { Stats } from '../api.ts'
import { count, exact, percent } from '../format.ts'
import { ChartFrame } from './ChartFrame.tsx'

const height = 100
const slot = 20

/** Attempts over time: what succeeded, and on top what failed. */
export function SuccessChart({ history }: { history: Stats[] }) {
  const most = Math.max(...history.map(({ attempts }) => attempts.succeeded + attempts.failed))
  const scale = (value: number) => (value === 0 ? 0 : Math.max(3, (value / most) * height))
  return (
    <ChartFrame
      title="Attempts"
      legend={[
        ['good', 'succeeded'],
        ['bad', 'failed'],
      ]}
      top={most === 0 ? null : count(most)}
      nothing="No attempts in this time"
      history={history}
      columns={['Succeeded', 'Failed', 'Success rate']}
      row={({ attempts, successRate }) => [
        count(attempts.succeeded),
        count(attempts.failed),
        successRate === null ? '–' : percent(successRate),
      ]}
    >
      <svg
        viewBox={`0 0 ${history.length * slot} ${height}`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        {history.map(({ since, attempts }, index) => {
          const good = scale(attempts.succeeded)
          const bad = Math.min(scale(attempts.failed), height)
          const x = index * slot + 2
          return (
            <g key={since}>
              <title>
                {`${exact(new Date(since))}: ${attempts.succeeded} succeeded, ${attempts.failed} failed`}
              </title>
              <rect class="hit" x={index * slot} y={0} width={slot} height={height} />
              <rect class="good" x={x} y={height - good} width={slot - 4} height={good} />
              <rect
                class="bad"
                x={x}
                y={Math.max(0, height - good - bad)}
                width={slot - 4}
                height={bad}
              />
            </g>
          )
        })}
      </svg>
    </ChartFrame>
  )
}
