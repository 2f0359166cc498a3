/** docs/scaling.md says what was measured, and no number in its tables is written by hand. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { scalingPage } from '../../bench/update-scaling.ts'
import { root } from './markdown.ts'

test('the tables are those that follow from the measurements: npm run bench:scaling', () => {
  expect(readFileSync(`${root}docs/scaling.md`, 'utf8')).toBe(scalingPage())
})

test('and something was measured', () => {
  const [cost = ''] = /<!-- measured: cost[\s\S]*?<!-- end -->/.exec(scalingPage()) ?? []
  expect(cost).toContain(' µs |')
  expect(cost).not.toContain('not known')
})
