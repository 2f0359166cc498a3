import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Io } from '../../src/cli/io.ts'
import { ProgressBar } from '../../src/cli/progress.ts'
import { indented, safeJson, safeLine, safeText, shownBody } from '../../src/cli/text.ts'

/** What a terminal obeys, or what turns or hides text: none of it may come through. */
const obeyed = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u
const anything = fc.string({ unit: 'binary', maxLength: 200 })
const surrogates = fc
  .array(fc.integer({ min: 0, max: 0xffff }))
  .map((codes) => String.fromCharCode(...codes))

test('whatever comes, nothing of it is obeyed by a terminal', () => {
  fc.assert(
    fc.property(fc.oneof(anything, surrogates), (text) => {
      expect(safeLine(text)).not.toMatch(obeyed)
      expect(safeText(text).replace(/[\n\t]/g, '')).not.toMatch(obeyed)
      expect(shownBody(text).replace(/[\n\t]/g, '')).not.toMatch(obeyed)
      expect(safeText(text).isWellFormed()).toBe(true)
    }),
  )
})

test('plain text of any language stays as it is', () => {
  const plain = 'Grüße, 你好, שלום, 👩🏽 — $1 <b>'
  expect(safeLine(plain)).toBe(plain)
})

test('JSON is as safe, and says the same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      expect(safeJson(value, 2).replaceAll('\n', '')).not.toMatch(obeyed)
      expect(JSON.parse(safeJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('a body is shown as JSON where it is, cut where it is long, and never at the margin', () => {
  expect(shownBody('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}')
  expect(shownBody('x'.repeat(5_000))).toMatch(/^x{4000}\n… 1000 more characters$/)
  expect(indented('a\nb')).toBe('    a\n    b')
})

test('progress shows on a terminal, is wiped at the end, and writes nothing into a pipe', () => {
  const written = (isTTY: boolean) => {
    let text = ''
    const write = (part: string) => {
      text += part
      return true
    }
    const bar = new ProgressBar({ stderr: { isTTY, columns: 80, write } } as unknown as Io, 1_000)
    bar.update(1_000)
    bar.end()
    return text
  }
  expect(written(false)).toBe('')
  expect(written(true)).toMatch(/█ 1000 of 1000 .*\r.\[K$/)
})
