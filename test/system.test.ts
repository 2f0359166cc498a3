import { expect, test } from 'vitest'
import { systemRandom } from '../src/system.ts'

test('no random byte is handed out twice, nor a byte that was never drawn', () => {
  // Runs of 8 bytes: among as many of them as these, chance repeats none.
  const seen = new Set<string>()
  let runs = 0
  for (let n = 0; n < 4_000; n++) {
    const length = [8, 16, 24, 32, 256, 264, 5_000][n % 7] as number
    const bytes = systemRandom.bytes(length)
    expect(bytes).toHaveLength(length)
    for (let start = 0; start < length; start += 8) {
      seen.add(Buffer.from(bytes.subarray(start, start + 8)).toString('hex'))
      runs++
    }
  }
  expect(seen.size).toBe(runs)
})

test('bytes stay what they were when more are drawn', () => {
  const bytes = systemRandom.bytes(10)
  const copy = [...bytes]
  for (let n = 0; n < 1_000; n++) systemRandom.bytes(10)
  expect([...bytes]).toEqual(copy)
})
