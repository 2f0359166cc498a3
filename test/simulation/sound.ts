import { expect } from 'vitest'
import { simulate } from '../../src/testing/index.ts'

/** How much of a story fits an error message; the command prints the rest. */
const lastLines = 60

/** Simulates these seeds; fails at the first broken promise, and tells its story. */
export async function expectSound(from: number, count: number): Promise<void> {
  for (let seed = from; seed < from + count; seed += 1) {
    const { violations } = await simulate({ seed })
    if (violations.length === 0) continue
    const { story } = await simulate({ seed, story: true })
    expect.fail(
      [
        `Seed ${seed} breaks a promise. All of it: npm run simulate -- --from ${seed} --seeds 1`,
        ...story.slice(-lastLines),
      ].join('\n'),
    )
  }
}

/** The first seeds of blocks of `size`, so that each block is a test of its own. */
export function blocks(from: number, count: number, size: number): number[] {
  return Array.from({ length: count / size }, (_, index) => from + index * size)
}
