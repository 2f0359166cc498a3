import { api, type Endpoint } from '../api.ts'
import { visible } from '../format.ts'
import { useLoaded } from '../load.ts'
import { periods } from '../periods.ts'

const statuses = [
  ['pending', 'Pending or retrying'],
  ['succeeded', 'Succeeded'],
  ['failed', 'Failed'],
  ['cancelled', 'Cancelled'],
] as const

/** What of the log is shown. */
export function LogFilters({
  query,
  endpoints,
  onChange,
}: {
  query: Record<string, string>
  /** Those that can be chosen from; `null` where there is one. */
  endpoints: Endpoint[] | null
  onChange(changes: Record<string, string | undefined>): void
}) {
  const types = useLoaded('event-types', api.eventTypes)
  const isCustom = query.period === 'custom'

  const select = (name: string, label: string, none: string, options: [string, string][]) => (
    <label>
      <span>{label}</span>
      <select
        value={query[name] ?? ''}
        onChange={(event) => onChange({ [name]: event.currentTarget.value })}
      >
        <option value="">{none}</option>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {visible(text)}
          </option>
        ))}
      </select>
    </label>
  )
  const moment = (name: string, label: string) => (
    <label>
      <span>{label}</span>
      <input
        type="datetime-local"
        value={query[name] ?? ''}
        onChange={(event) => onChange({ [name]: event.currentTarget.value })}
      />
    </label>
  )

  return (
    <search class="filters" aria-label="Filter deliveries">
      {endpoints !== null &&
        select(
          'endpoint',
          'Endpoint',
          'All endpoints',
          endpoints.map(({ id, url, description }) => [id, description || url]),
        )}
      {select('status', 'Status', 'Any status', [
        ...statuses.map(([a, b]): [string, string] => [a, b]),
      ])}
      {select(
        'type',
        'Event',
        'All events',
        (types.value?.items ?? []).map(({ name }) => [name, name]),
      )}
      {select('period', 'Time', 'Any time', [
        ...periods.map(({ name, label }): [string, string] => [name, label]),
        ['custom', 'From … to …'],
      ])}
      {isCustom && moment('since', 'From')}
      {isCustom && moment('until', 'To')}
    </search>
  )
}
