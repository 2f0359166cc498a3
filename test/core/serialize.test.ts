import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serializeBody } from '../../src/core/events/serialize.ts'
import { isWebhooksError, type WebhooksErrorCode } from '../../src/index.ts'

const createdAt = new Date('2026-01-01T00:00:00Z')
const serialize = (data: unknown, maxBytes = 1_000_000) =>
  serializeBody({ type: 'order.paid', createdAt, data }, maxBytes)
const withCode = (code: WebhooksErrorCode) =>
  expect.toSatisfy((error) => isWebhooksError(error, code))

describe('the body of a request', () => {
  test('is type, timestamp and data, in that order', () => {
    expect(serialize({ a: 1 })).toBe(
      '{"type":"order.paid","timestamp":"2026-01-01T00:00:00.000Z","data":{"a":1}}',
    )
  })

  test('tells of each event its own instant', () => {
    // Few milliseconds, so that some come again and others do not.
    const instants = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2 })
    fc.assert(
      fc.property(instants, (moments) => {
        const bodies = moments.map((ms) =>
          serializeBody({ type: 'order.paid', createdAt: new Date(ms), data: {} }, 1_000),
        )
        const told = bodies.map((body) => JSON.parse(body).timestamp)
        expect(told).toEqual(moments.map((ms) => new Date(ms).toISOString()))
      }),
    )
  })

  test('carries every JSON value unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        expect(JSON.parse(serialize(data)).data).toEqual(JSON.parse(JSON.stringify(data)))
      }),
    )
  })

  test('leaves out optional fields and writes dates', () => {
    expect(JSON.parse(serialize({ a: undefined, b: createdAt })).data).toEqual({
      b: createdAt.toISOString(),
    })
  })

  const cycle: Record<string, unknown> = {}
  cycle.self = { cycle }
  test.each([
    ['a cycle', cycle, 'data.self.cycle'],
    ['a BigInt', { a: [1n] }, 'data.a.0'],
    ['NaN', { price: Number.NaN }, 'data.price'],
    ['infinity', Number.POSITIVE_INFINITY, 'data'],
    ['a Map', { m: new Map([[1, 2]]) }, 'data.m'],
    ['a Set', new Set([1]), 'data'],
    ['a function', { f: () => 1 }, 'data.f'],
    ['undefined itself', undefined, 'data'],
    ['undefined in a list', [undefined], 'data.0'],
    ['a symbol', Symbol('s'), 'data'],
    ['a typed array', { bytes: new Uint8Array(3) }, 'data.bytes'],
    ['an invalid date', { at: new Date(Number.NaN) }, 'data.at'],
  ])('refuses %s and says where', (_, data, path) => {
    expect(() => serialize(data)).toThrow(withCode('payload_not_serializable'))
    expect(() => serialize(data)).toThrow(`${path}: `)
  })

  test('may hold one object in two places', () => {
    const shared = { x: 1 }
    expect(JSON.parse(serialize({ a: shared, b: shared })).data).toEqual({ a: shared, b: shared })
  })

  test('is measured in bytes, and refused above the limit with its size', () => {
    const exact = Buffer.byteLength(serialize('ü'.repeat(100)))
    expect(() => serialize('ü'.repeat(100), exact)).not.toThrow()
    expect(() => serialize('ü'.repeat(100), exact - 1)).toThrow(withCode('payload_too_large'))
    expect(() => serialize('ü'.repeat(100), exact - 1)).toThrow(`takes ${exact} bytes`)
  })
})
