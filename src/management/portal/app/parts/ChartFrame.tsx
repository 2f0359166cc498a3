import type { ComponentChildren } from 'preact'
import type { Stats } from '../api.ts'
import { exact, fromNow } from '../format.ts'

/** A plot with its name, legend and scale; and the same figures as a table, for who cannot see it. */
export function ChartFrame({
  title,
  legend,
  top,
  nothing,
  history,
  columns,
  row,
  children,
}: {
  title: string
  /** Classes and what they stand for. */
  legend: [string, string][]
  /** The value at the upper edge; `null` where there is nothing to plot. */
  top: string | null
  /** Says so then. */
  nothing: string
  history: Stats[]
  columns: string[]
  row(stats: Stats): string[]
  children: ComponentChildren
}) {
  const [first] = history
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <span class="legend">
          {legend.map(([name, label]) => (
            <span key={name} class={`key ${name}`}>
              {label}
            </span>
          ))}
        </span>
      </figcaption>
      <div class="plot" aria-hidden="true">
        {top === null ? <span class="nothing">{nothing}</span> : <span class="scale">{top}</span>}
        {children}
      </div>
      <div class="axis" aria-hidden="true">
        <span>{first === undefined ? '' : fromNow(new Date(first.since), Date.now())}</span>
        <span>now</span>
      </div>
      <div class="sr-only">
        <table>
          <caption>{title}</caption>
          <thead>
            <tr>
              <th scope="col">From</th>
              {columns.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {history.map((stats) => (
              <tr key={stats.since}>
                <th scope="row">{exact(new Date(stats.since))}</th>
                {row(stats).map((value, index) => (
                  <td key={columns[index]}>{value}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  )
}
