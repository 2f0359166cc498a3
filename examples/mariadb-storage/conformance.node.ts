/**
 * Holds the adapter to the contract with Node's own test runner:
 *
 *     npm run build
 *     MARIADB_URL=mysql://root@127.0.0.1/ node --test examples/mariadb-storage/conformance.node.ts
 */
import { describe, test } from 'node:test'
import { testStorage } from '@ainexlayer/webhooks/testing'
import { capabilities, createFixture } from './conformance.ts'

const server = process.env.MARIADB_URL
if (server === undefined) throw new Error('Set MARIADB_URL, such as mysql://root@127.0.0.1/')

describe('mariadbStorage', () => {
  testStorage({ describe, test, capabilities, createStorage: () => createFixture(server) })
})
