import assert from 'node:assert/strict'
import { idsOf } from './kit.ts'
import type { Suite, SuiteKit } from './suite.ts'

export function subscriberTests({ describe, test }: Suite): void {
  describe('subscribers of an event', () => {
    test('are the endpoints that were there before it', async (kit) => {
      const before = await kit.addEndpoint()
      const first = await kit.addEvent()
      const between = await kit.addEndpoint()
      const second = await kit.addEvent()
      const after = await kit.addEndpoint()
      assert.ok(before.activePosition < first.position)
      assert.equal(between.activePosition, first.position)
      assert.equal(after.activePosition, second.position)
      assert.deepEqual(await subscribers(kit, first.position), [before])
      assert.deepEqual(await subscribers(kit, second.position), [before, between])
    })

    test('count positions over all tenants', async (kit) => {
      const foreign = await kit.addEvent({ tenantId: 'tenant-b' })
      const endpoint = await kit.addEndpoint()
      assert.equal(endpoint.activePosition, foreign.position)
    })

    test('leave out, of the events before, who was switched on again since', async (kit) => {
      const { id, tenantId, activePosition } = await kit.addEndpoint()
      const first = await kit.addEvent()
      const set = async (active: boolean) => {
        const disabledAt = active ? null : kit.at(10)
        const changes = { active, disabledAt }
        await kit.storage.updateEndpoint({ tenantId, id, changes, now: kit.at(10) })
        return (await kit.getEndpoint({ tenantId, id })).activePosition
      }
      assert.equal(await set(true), activePosition, 'it was on already')
      assert.equal(await set(false), activePosition)
      assert.deepEqual(idsOf(await subscribers(kit, first.position)), [id])
      const second = await kit.addEvent()
      assert.equal(await set(true), second.position)
      const third = await kit.addEvent()
      assert.deepEqual(await subscribers(kit, first.position), [])
      assert.deepEqual(await subscribers(kit, second.position), [])
      assert.deepEqual(idsOf(await subscribers(kit, third.position)), [id])
    })

    test('leave out who is switched off, unless that came after the emit', async (kit) => {
      const off = { active: false, disabledReason: 'manual' as const }
      await kit.addEndpoint({ ...off, disabledAt: kit.at(-1) })
      const later = await kit.addEndpoint({ ...off, disabledAt: kit.at(0) })
      const muchLater = await kit.addEndpoint({ ...off, disabledAt: kit.at(500) })
      const event = await kit.addEvent()
      assert.deepEqual(await subscribers(kit, event.position), [later, muchLater])
    })

    test('leave out who is deleted', async (kit) => {
      const { id, tenantId } = await kit.addEndpoint()
      const event = await kit.addEvent()
      await kit.storage.deleteEndpoint({ tenantId, id, now: kit.at(0) })
      assert.deepEqual(await subscribers(kit, event.position), [])
    })

    test('come in pages, ascending by id', async (kit) => {
      const made = []
      for (const id of ['ep_3', 'ep_1', 'ep_5', 'ep_2', 'ep_4']) {
        made.push(await kit.addEndpoint({ id }))
      }
      const { position } = await kit.addEvent()
      const page = async (after: string | null) => idsOf(await subscribers(kit, position, after, 2))
      assert.deepEqual(await page(null), ['ep_1', 'ep_2'])
      assert.deepEqual(await page('ep_2'), ['ep_3', 'ep_4'])
      assert.deepEqual(await page('ep_4'), ['ep_5'])
      assert.deepEqual(await page('ep_5'), [])
      assert.deepEqual(await page('ep_35'), ['ep_4', 'ep_5'])
    })
  })
}

function subscribers(kit: SuiteKit, position: number, after: string | null = null, limit = 100) {
  return kit.storage.listSubscribers({
    tenantId: 'tenant-a',
    position,
    emittedAt: kit.at(0),
    after,
    limit,
  })
}
