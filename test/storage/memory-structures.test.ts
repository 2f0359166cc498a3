import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Heap } from '../../src/storage/memory/heap.ts'
import { Queue } from '../../src/storage/memory/queue.ts'
import { SortedList } from '../../src/storage/memory/sorted-list.ts'

const id = (value: number) => `x_${String(value).padStart(6, '0')}`

describe('SortedList', () => {
  test('of several chunks holds what a sorted array holds, whatever is added and deleted', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(99_999), { minLength: 1_500, maxLength: 3_000, size: 'max' }),
        fc.func(fc.boolean()),
        fc.nat(99_999),
        fc.nat(3_000),
        (values, isDeleted, cursor, skip) => {
          const list = new SortedList<{ id: string }>()
          const rows = values.map((value) => ({ id: id(value) }))
          for (const row of rows) list.add(row)
          const gone = rows.filter((row) => isDeleted(row.id))
          for (const row of gone) list.delete(row)
          for (const row of gone) list.delete(row)
          list.delete({ id: id(cursor) })
          const left = new Set(rows.filter((row) => !gone.includes(row)).map((row) => row.id))
          const sorted = [...left].sort()
          const ids = (found: Iterable<{ id: string }>) => [...found].map((row) => row.id)
          expect(list.size).toBe(sorted.length)
          expect(ids(list.ascending())).toEqual(sorted)
          expect(ids(list.ascending(id(cursor)))).toEqual(sorted.filter((one) => one > id(cursor)))
          expect(ids(list.descending(null, skip))).toEqual(sorted.toReversed().slice(skip))
          expect(ids(list.descending(id(cursor), skip))).toEqual(
            sorted
              .filter((one) => one < id(cursor))
              .toReversed()
              .slice(skip),
          )
        },
      ),
      { numRuns: 15 },
    )
  })
})

describe('Heap', () => {
  interface Item {
    key: number
    heap: object | null
    heapIndex: number
  }

  test('gives its items in order, also after items in the middle moved or left', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(50), fc.constantFrom('stay', 'move', 'leave'), fc.nat(50))),
        (given) => {
          const heap = new Heap<Item>((a, b) => a.key < b.key)
          const items = given.map(([key]): Item => ({ key, heap: null, heapIndex: 0 }))
          for (const item of items) heap.add(item)
          for (const [index, [, fate, key]] of given.entries()) {
            const item = items[index] as Item
            if (fate === 'leave') heap.delete(item)
            if (fate !== 'move') continue
            item.key = key
            heap.moved(item)
          }
          const left = items.filter((item) => heap.has(item))
          expect(left).toHaveLength(given.filter(([, fate]) => fate !== 'leave').length)
          const isWanted = ({ key }: Item) => key % 3 === 0
          const wanted = left.filter(isWanted).map(({ key }) => key)
          expect(heap.firstWhere(isWanted)?.key ?? Number.POSITIVE_INFINITY).toBe(
            Math.min(...wanted),
          )
          const order: number[] = []
          for (let first = heap.first(); first; first = heap.first()) {
            order.push(first.key)
            heap.delete(first)
          }
          expect(order).toEqual(left.map(({ key }) => key).sort((a, b) => a - b))
        },
      ),
    )
  })
})

describe('Queue', () => {
  test('gives back what it was given, in that order', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 500, size: 'max' }), (pushes) => {
        const queue = new Queue<number>()
        const plain: number[] = []
        for (const [index, isPush] of pushes.entries()) {
          if (isPush) {
            queue.push(index)
            plain.push(index)
          } else {
            expect(queue.shift()).toBe(plain.shift())
          }
        }
        while (plain.length > 0) expect(queue.shift()).toBe(plain.shift())
        expect(queue.shift()).toBeUndefined()
      }),
    )
  })
})
