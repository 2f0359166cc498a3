import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, test } from 'vitest'
import { ainexlayerEvents } from '../../src/ainexlayer/index.ts'
import { run, scratch } from './support.ts'

const files = scratch()

const events = (...args: string[]) => run(['events', ...args])

test.each([
  ['markdown', /^# AINexLayer's events\n/],
  ['typescript', /export interface WebhookEvents {\n/],
  ['json-schema', /"\$schema": "https:\/\/json-schema\.org\/draft\/2020-12\/schema"/],
  ['openapi', /"openapi": "3\.1\.1"/],
  ['asyncapi', /"asyncapi": "3\.0\.0"/],
])('%s of AINexLayer tells of every event type', async (format, beginning) => {
  const { code, stdout, stderr } = await events('--format', format)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(beginning)
  for (const name of ainexlayerEvents.names) expect(stdout).toContain(name)
})

describe('--catalogue', () => {
  const library = new URL('../../dist/index.js', import.meta.url).href
  const module = `
import { defineEvents } from '${library}'
import * as z from '${import.meta.resolve('zod')}'
export const orders = defineEvents({
  'order.paid': z.object({ orderId: z.string().describe('Its id.') }).describe('Paid | done.'),
})
export const orderExamples = { 'order.paid': { orderId: 'o-1' } }
`

  test('a module of one’s own, with its examples, title and version', async () => {
    const file = files.write('events.mjs', `${module}export default orders\n`)
    const args = ['--catalogue', file, '--title', 'Orders', '--api-version', '7.0.0']
    const { stdout } = await events(...args, '--format', 'openapi')
    const document = JSON.parse(stdout)
    expect((await new Validator().validate(structuredClone(document))).valid).toBe(true)
    expect(document.info).toMatchObject({ title: 'Orders', version: '7.0.0' })
    expect(Object.keys(document.webhooks)).toEqual(['order.paid', 'webhook.test'])
    const { content } = document.webhooks['order.paid'].post.requestBody
    expect(content['application/json'].example.data).toEqual({ orderId: 'o-1' })
    const markdown = await events('--catalogue', file)
    expect(markdown.stdout).toContain('| `order.paid` | Paid \\| done. |')
  })

  test('one with several registries wants to be told which', async () => {
    const file = files.write(
      'several.mjs',
      `${module}export const others = defineEvents({ 'user.made': z.object({}) })\n`,
    )
    const vague = await events('--catalogue', file)
    expect(vague.code).toBe(2)
    expect(vague.stderr).toContain('orders, others')
    const { stdout } = await events('--catalogue', file, '--export', 'others')
    expect(stdout).toContain('user.made')
  })

  test.each([
    ['a file that is not there', '/nowhere.mjs'],
    ['a module without one', files.write('none.mjs', 'export const a = 1')],
    ['a module that throws', files.write('throws.mjs', "throw new Error('\\u001b[31mno')")],
  ])('%s is a wrong call', async (_, file) => {
    const { code, stderr } = await events('--catalogue', file)
    expect(code).toBe(2)
    expect(stderr).toContain('catalogue_unreadable')
    expect(stderr).not.toContain('\u001b')
  })
})
