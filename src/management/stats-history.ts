import type { Stats, StatsOptions } from '../operations/stats.ts'
import type { TenantFace } from './route.ts'

/** Enough for a curve, and few enough to be read for every look at a page. */
const parts = 24

/**
 * Figures over time: the time asked for in equal parts, oldest first. One after the other, so that
 * a page that is looked at never takes up the host's connections.
 */
export async function statsHistory(
  tenant: TenantFace,
  options: StatsOptions,
): Promise<{ items: Stats[] }> {
  const { since, until } = await tenant.stats(options)
  const start = since.getTime()
  const length = Math.max(0, until.getTime() - start)
  const edges = Array.from(
    { length: parts + 1 },
    (_, edge) => new Date(start + Math.round((length * edge) / parts)),
  )
  const items: Stats[] = []
  for (const [index, until] of edges.slice(1).entries()) {
    items.push(await tenant.stats({ ...options, since: edges[index], until }))
  }
  return { items }
}
