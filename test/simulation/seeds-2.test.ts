import { describe, test } from 'vitest'
import { blocks, expectSound } from './sound.ts'

// In two files, so that vitest runs them on two cores.
describe('every promise holds in the simulation', () => {
  test.each(blocks(1001, 1_000, 100))('from seed %i on', (from) => expectSound(from, 100), 60_000)
})
