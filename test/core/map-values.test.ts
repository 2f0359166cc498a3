import { expect, test } from 'vitest'
import { mapValues } from '../../src/core/map-values.ts'

test('changes the value of every key, also where it is called __proto__', () => {
  const given = JSON.parse('{"__proto__":"a","b":"c"}') as Record<string, string>
  const mapped = mapValues(given, (value, key) => `${key}=${value}`)
  expect(Object.entries(mapped)).toEqual([
    ['__proto__', '__proto__=a'],
    ['b', 'b=c'],
  ])
  expect(given.b).toBe('c')
})
