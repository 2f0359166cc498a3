import assert from 'node:assert/strict'
import type { EndpointSettings, HealthChange } from '../../storage/storage.ts'
import { idsOf, only } from './kit.ts'
import type { Suite, SuiteKit } from './suite.ts'

export function endpointTests({ describe, test }: Suite): void {
  describe('endpoints', () => {
    const everything = (kit: SuiteKit): EndpointSettings => ({
      url: 'https://receiver.example/a?b=c#d',
      description: 'Rechnungen → Buchhaltung 🧾',
      events: ['document.*', 'user.created'],
      channels: ['eu', 'de'],
      filter: {
        and: [
          { path: 'document.pages', atLeast: 2.5 },
          {
            not: {
              or: [
                { path: 'a', in: ['x', 1, true, null] },
                { path: 'b', exists: false },
              ],
            },
          },
        ],
      },
      headers: { authorization: 'Bearer abc', 'x-empty': '' },
      secrets: [
        { value: 'whsec_new', createdAt: kit.at(1), expiresAt: null },
        { value: 'whsec_old', createdAt: kit.at(-9), expiresAt: kit.at(86_400_001) },
      ],
      rateLimit: { limit: 10, intervalMs: 1_000 },
      retry: { delaysMs: [0, 1_000, 2_500], jitter: 0.25 },
      metadata: { team: 'billing', '': 'empty key', __proto__x: 'y' },
      active: false,
      disabledAt: kit.at(-3),
      disabledReason: 'failing',
    })

    test('come back as they were given, in clean health', async (kit) => {
      const given = kit.endpoint({ ...everything(kit), createdAt: kit.at(5) })
      const record = await kit.storage.insertEndpoint({ endpoint: given })
      assert.deepEqual(record, {
        ...given,
        pausedUntil: null,
        failingSince: null,
        failedAttempts: 0,
        activePosition: record.activePosition,
        version: 1,
        updatedAt: kit.at(5),
      })
      assert.ok(Number.isSafeInteger(record.activePosition))
      assert.deepEqual(await kit.getEndpoint(given), record)
    })

    test('a repeated insert changes nothing and shows what stands', async (kit) => {
      const given = kit.endpoint()
      const record = await kit.storage.insertEndpoint({ endpoint: given })
      const repeated = { ...given, url: 'https://changed.example/' }
      assert.deepEqual(await kit.storage.insertEndpoint({ endpoint: repeated }), record)
      assert.deepEqual(await kit.getEndpoint(given), record)
    })

    test('an unknown one is null', async (kit) => {
      assert.equal(await kit.storage.getEndpoint({ tenantId: 'tenant-a', id: 'ep_none' }), null)
      assert.equal(await update(kit, { tenantId: 'tenant-a', id: 'ep_none' }, {}), null)
    })

    test('an update changes what it names, and nothing else', async (kit) => {
      const before = await kit.addEndpoint({ active: true })
      const after = await update(kit, before, {
        url: 'https://moved.example/',
        channels: ['eu'],
        description: undefined,
      })
      assert.deepEqual(after, {
        ...before,
        url: 'https://moved.example/',
        channels: ['eu'],
        version: 2,
        updatedAt: kit.at(100),
      })
      assert.deepEqual(await kit.getEndpoint(before), after)
    })

    test('an update can change every setting, and set back what may be null', async (kit) => {
      const before = await kit.addEndpoint()
      const changed = await update(kit, before, everything(kit))
      assert.deepEqual(changed, {
        ...before,
        ...everything(kit),
        version: 2,
        updatedAt: kit.at(100),
      })
      const { filter, rateLimit, retry, disabledAt, disabledReason } = before
      const cleared = await update(kit, before, {
        filter,
        rateLimit,
        retry,
        disabledAt,
        disabledReason,
      })
      assert.deepEqual(cleared, {
        ...changed,
        filter: null,
        rateLimit: null,
        retry: null,
        disabledAt: null,
        disabledReason: null,
        version: 3,
      })
    })

    test('an update with `ifVersion` takes effect on that version only', async (kit) => {
      const before = await kit.addEndpoint()
      assert.equal(await update(kit, before, { description: 'no' }, 2), 'version_mismatch')
      assert.deepEqual(await kit.getEndpoint(before), before)
      const after = await update(kit, before, { description: 'yes' }, 1)
      assert.ok(after !== null && after !== 'version_mismatch')
      assert.equal(after.version, 2)
      assert.equal(await update(kit, before, { description: 'no' }, 1), 'version_mismatch')
    })

    test('of many updates of one version at once, one takes effect', async (kit) => {
      const before = await kit.addEndpoint()
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          update(kit, before, { description: `writer ${index}` }, 1),
        ),
      )
      const winner = only(answers.filter((answer) => answer !== 'version_mismatch'))
      assert.deepEqual(await kit.getEndpoint(before), winner)
    })

    test('of many updates at once none is lost', async (kit) => {
      const before = await kit.addEndpoint()
      const changes: Partial<EndpointSettings>[] = [
        { url: 'https://moved.example/' },
        { description: 'new' },
        { events: ['user.*'] },
        { channels: ['eu'] },
        { headers: { 'x-a': 'b' } },
        { metadata: { a: 'b' } },
      ]
      await Promise.all(changes.map((change) => update(kit, before, change)))
      const after = await kit.getEndpoint(before)
      const expected = Object.assign({}, before, ...changes, { version: 7, updatedAt: kit.at(100) })
      assert.deepEqual(after, expected)
    })

    test('switching one on again starts its health clean', async (kit) => {
      const endpoint = await kit.addEndpoint()
      await kit.storage.recordHealth({ changes: [failure(kit, endpoint.id)] })
      const sick = await kit.getEndpoint(endpoint)
      assert.equal(sick.failedAttempts, 2)
      await update(kit, endpoint, { active: true })
      assert.equal((await kit.getEndpoint(endpoint)).failedAttempts, 2, 'it was on already')
      await update(kit, endpoint, { active: false })
      assert.equal((await kit.getEndpoint(endpoint)).failedAttempts, 2)
      await update(kit, endpoint, { active: true })
      const { pausedUntil, failingSince, failedAttempts } = await kit.getEndpoint(endpoint)
      assert.deepEqual([pausedUntil, failingSince, failedAttempts], [null, null, 0])
    })

    test('a deleted one is found no more, by nothing', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const event = await kit.addEvent()
      const { tenantId, id } = endpoint
      assert.equal(await kit.storage.deleteEndpoint({ tenantId, id, now: kit.at(9) }), true)
      assert.equal(await kit.storage.deleteEndpoint({ tenantId, id, now: kit.at(9) }), false)
      assert.equal(await kit.storage.getEndpoint({ tenantId, id }), null)
      assert.equal(await update(kit, endpoint, { active: true }), null)
      assert.deepEqual(await kit.storage.recordHealth({ changes: [failure(kit, id)] }), [])
      const page = { offset: 0, before: null, limit: 10, withTotal: true }
      assert.deepEqual(await kit.storage.listEndpoints({ tenantId, ...page }), {
        items: [],
        total: 0,
      })
      const position = event.position
      const emittedAt = kit.at(0)
      assert.deepEqual(
        await kit.storage.listSubscribers({ tenantId, position, emittedAt, after: null, limit: 9 }),
        [],
      )
    })

    test('a deleted one leaves its log readable', async (kit) => {
      const { endpoint, delivery } = await kit.addSettled('failed')
      const { tenantId, id } = endpoint
      await kit.storage.deleteEndpoint({ tenantId, id, now: kit.at(9) })
      assert.deepEqual(await kit.get(delivery), delivery)
      const page = { offset: 0, before: null, limit: 10, withTotal: true }
      const listed = await kit.storage.listDeliveries({ tenantId, endpointId: id, ...page })
      assert.deepEqual(listed, { items: [delivery], total: 1 })
      const attempts = await kit.storage.listAttempts({ tenantId, deliveryIds: [delivery.id] })
      assert.equal(only(attempts).endpointId, id)
    })

    test('changing a record that was handed out changes nothing that is stored', async (kit) => {
      const given = kit.endpoint({ metadata: { a: 'b' } })
      const record = structuredClone(await kit.storage.insertEndpoint({ endpoint: given }))
      given.metadata.a = 'changed'
      const handedOut = await kit.getEndpoint(given)
      handedOut.events.push('changed')
      handedOut.metadata.a = 'changed'
      handedOut.url = 'changed'
      assert.deepEqual(await kit.getEndpoint(given), record)
    })
  })

  describe('endpoint health', () => {
    test('a failure starts a streak, and further ones add to it', async (kit) => {
      const endpoint = await kit.addEndpoint()
      const first = await record(kit, { endpointId: endpoint.id, failedAttempts: 2, at: 10 })
      assert.deepEqual(first, { ...endpoint, failedAttempts: 2, failingSince: kit.at(10) })
      const second = await record(kit, { endpointId: endpoint.id, failedAttempts: 3, at: 20 })
      assert.deepEqual(second, { ...endpoint, failedAttempts: 5, failingSince: kit.at(10) })
      assert.deepEqual(await kit.getEndpoint(endpoint), second)
    })

    test('a success ends the streak', async (kit) => {
      const endpoint = await kit.addEndpoint()
      await record(kit, { endpointId: endpoint.id, failedAttempts: 2, at: 10 })
      const after = await record(kit, { endpointId: endpoint.id, succeeded: true })
      assert.deepEqual(after, endpoint)
    })

    test('failures after a success in the same change start the next streak', async (kit) => {
      const endpoint = await kit.addEndpoint()
      await record(kit, { endpointId: endpoint.id, failedAttempts: 5, at: 10 })
      const changed = { endpointId: endpoint.id, succeeded: true, failedAttempts: 1, at: 30 }
      assert.deepEqual(await record(kit, changed), {
        ...endpoint,
        failedAttempts: 1,
        failingSince: kit.at(30),
      })
    })

    test('a pause only ever lengthens, and a success does not end it', async (kit) => {
      const endpointId = (await kit.addEndpoint()).id
      const until = async (ms: number | null, succeeded = false) =>
        (await record(kit, { endpointId, succeeded, pausedUntilMs: ms })).pausedUntil
      assert.deepEqual(await until(500), kit.at(500))
      assert.deepEqual(await until(400), kit.at(500))
      assert.deepEqual(await until(null), kit.at(500))
      assert.deepEqual(await until(600), kit.at(600))
      assert.deepEqual(await until(null, true), kit.at(600))
    })

    test('several changes of one endpoint apply in order, and show it once', async (kit) => {
      const [one, two] = [await kit.addEndpoint(), await kit.addEndpoint()]
      const afterwards = await kit.storage.recordHealth({
        changes: [
          failure(kit, one.id),
          failure(kit, two.id),
          { ...failure(kit, one.id), succeeded: true, failedAttempts: 0, failedAt: null },
          { ...failure(kit, one.id), failedAttempts: 1, failedAt: kit.at(77) },
        ],
      })
      assert.deepEqual(idsOf(afterwards).sort(), [one.id, two.id].sort())
      const after = await kit.getEndpoint(one)
      assert.equal(after.failedAttempts, 1)
      assert.deepEqual(after.failingSince, kit.at(77))
      assert.equal((await kit.getEndpoint(two)).failedAttempts, 2)
    })

    test('unknown endpoints are left out', async (kit) => {
      const { id } = await kit.addEndpoint()
      const changes = [failure(kit, 'ep_unknown'), failure(kit, id)]
      assert.deepEqual(idsOf(await kit.storage.recordHealth({ changes })), [id])
      assert.deepEqual(await kit.storage.recordHealth({ changes: [] }), [])
    })

    test('of many changes at once none is lost', async (kit) => {
      const endpoint = await kit.addEndpoint()
      await Promise.all(
        Array.from({ length: 15 }, () =>
          kit.storage.recordHealth({ changes: [failure(kit, endpoint.id)] }),
        ),
      )
      assert.equal((await kit.getEndpoint(endpoint)).failedAttempts, 30)
    })

    test('and settings change independently of each other', async (kit) => {
      const endpoint = await kit.addEndpoint()
      await Promise.all([
        kit.storage.recordHealth({ changes: [failure(kit, endpoint.id)] }),
        update(kit, endpoint, { description: 'new' }),
      ])
      const { failedAttempts, description, version } = await kit.getEndpoint(endpoint)
      assert.deepEqual(
        { failedAttempts, description, version },
        {
          failedAttempts: 2,
          description: 'new',
          version: 2,
        },
      )
    })
  })
}

function update(
  kit: SuiteKit,
  { tenantId, id }: { tenantId: string; id: string },
  changes: Partial<EndpointSettings>,
  ifVersion?: number,
) {
  return kit.storage.updateEndpoint({ tenantId, id, changes, now: kit.at(100), ifVersion })
}

function failure(kit: SuiteKit, endpointId: string): HealthChange {
  return {
    endpointId,
    succeeded: false,
    failedAttempts: 2,
    failedAt: kit.at(10),
    pausedUntil: kit.at(500),
    leaseTokens: [],
  }
}

async function record(
  kit: SuiteKit,
  change: {
    endpointId: string
    succeeded?: boolean
    failedAttempts?: number
    at?: number
    pausedUntilMs?: number | null
  },
) {
  const { endpointId, succeeded = false, failedAttempts = 0, at, pausedUntilMs = null } = change
  const changes = [
    {
      endpointId,
      succeeded,
      failedAttempts,
      failedAt: at === undefined ? null : kit.at(at),
      pausedUntil: pausedUntilMs === null ? null : kit.at(pausedUntilMs),
      leaseTokens: [],
    },
  ]
  return only(await kit.storage.recordHealth({ changes }))
}
