/** SECURITY.md promises nothing that no test holds. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const text = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8')
const [, section = ''] = text.split('## What is promised\n')
const [promised = ''] = section.split('\n## ')
const promises = promised.split('\n\n').filter((paragraph) => paragraph.startsWith('**'))

test.each(promises.map((promise) => [promise.slice(2, 50), promise] as const))(
  '%s…: names its tests, and they exist',
  (_, promise) => {
    const files = [...promise.matchAll(/`(test\/[\w/.-]+)`/g)].map(([, file = '']) => file)
    expect(files).not.toEqual([])
    const missing = files.filter((file) => !existsSync(new URL(`../../${file}`, import.meta.url)))
    expect(missing).toEqual([])
  },
)

test('there are promises', () => {
  expect(promises.length).toBeGreaterThan(10)
})
