const hour = 3_600_000

/** Times that can be chosen. */
export const periods = [
  { name: '1h', label: 'Last hour', ms: hour },
  { name: '24h', label: 'Last 24 hours', ms: 24 * hour },
  { name: '7d', label: 'Last 7 days', ms: 7 * 24 * hour },
  { name: '30d', label: 'Last 30 days', ms: 30 * 24 * hour },
] as const

/** When a period of this name began; `undefined` for another name. */
export function periodStart(name: string | undefined): string | undefined {
  const period = periods.find((period) => period.name === name)
  return period && new Date(Date.now() - period.ms).toISOString()
}
