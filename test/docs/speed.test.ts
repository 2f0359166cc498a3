/** What the README says of speed is what was measured last. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { median } from '../../bench/statistics.ts'
import { root } from './markdown.ts'

interface Sample {
  perSecond: number
}

const { results } = JSON.parse(readFileSync(`${root}bench/results.json`, 'utf8')) as {
  results: { name: string; live: Sample[]; drain: Sample[] }[]
}

function rate(name: string, mode: 'live' | 'drain'): number {
  return median(results.find((each) => each.name === name)?.[mode].map((s) => s.perSecond) ?? [])
}

test.for(['bullmq', 'pg-boss', 'graphile-worker', 'fetch'])(
  'the last measurement bears out what the README says of our speed on Postgres and of %s',
  (other) => {
    for (const mode of ['live', 'drain'] as const) {
      expect(rate('postgres', mode)).toBeGreaterThan(rate(other, mode))
    }
  },
)
