/** The guard, with `npm run figures` at full length, and here in short. */
import { expect, test } from 'vitest'
import { disagreementsAtEdges, disagreementsAtRandom } from './addresses.ts'
import { tryCollectedCases } from './collected.ts'
import { mix, rebind } from './names.ts'

test('guard and oracle agree at the edges of all ranges', async () => {
  const { asked, wrong } = await disagreementsAtEdges()
  expect(asked).toBeGreaterThan(150)
  expect(wrong).toEqual([])
})

test('guard and oracle agree on random addresses', async () => {
  expect(await disagreementsAtRandom(20_000, 1)).toEqual([])
})

test('the collected cases, over http and https, at registration and at connect', async () => {
  const { tried, wrong } = await tryCollectedCases()
  expect(tried).toBeGreaterThan(500)
  expect(wrong).toEqual([])
})

test('a name that is rebound leads to no private address', async () => {
  expect(await rebind(100, 1)).toEqual([])
})

test('an answer with one private address is refused whole', async () => {
  expect(await mix(200, 1)).toEqual([])
})
