import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { capabilities, createFixture } from '../../examples/mariadb-storage/conformance.ts'
import { testStorage } from '../../src/testing/index.ts'
import { hasMariadb, type MariadbServer, startMariadb } from './mariadb-server.ts'

let server: MariadbServer
beforeAll(async () => {
  if (hasMariadb) server = await startMariadb()
}, 60_000)
afterAll(() => server?.stop())

describe.skipIf(!hasMariadb)('mariadbStorage', () => {
  testStorage({ describe, test, capabilities, createStorage: () => createFixture(server.url) })
})

test('is tried', () => expect(hasMariadb).toBe(true))
