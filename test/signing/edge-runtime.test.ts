import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { build } from 'tsup'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sign } from '../../src/core/signing/signer.ts'
import { headersOf, id, publicKey, secret, secretKey, sentAt } from './support.ts'

/**
 * The receiver's code in a world of web standards alone: no `process`, no `Buffer`, no modules.
 * For the platform `neutral` the bundler refuses every `node:` import.
 */
let directory: string
let receiver: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'receiver-'))
  await build({
    config: false,
    entry: { receiver: 'src/receiver/index.ts' },
    format: 'iife',
    globalName: 'receiver',
    platform: 'neutral',
    target: 'es2022',
    outDir: directory,
    dts: false,
    silent: true,
  })
  receiver = await readFile(join(directory, 'receiver.global.js'), 'utf8')
}, 60_000)

afterAll(() => rm(directory, { recursive: true, force: true }))

const body = '{"type":"a","timestamp":"2021-02-25T15:02:09.123Z","data":{"n":"ž"}}'
const headers = headersOf(sign({ id, timestamp: sentAt, body, secrets: [secret, secretKey] }))

function verifyAtTheEdge(given: { body: string; secrets: string[] }): Promise<string> {
  const context = createContext({
    crypto,
    TextEncoder,
    TextDecoder,
    atob,
    btoa,
    input: JSON.stringify({ headers, nowMs: sentAt.getTime(), ...given }),
  })
  const script = `${receiver};(async () => {
    if (typeof process + typeof Buffer + typeof require !== 'undefined'.repeat(3)) throw 'not alone'
    const { body, headers, secrets, nowMs } = JSON.parse(input)
    const options = { now: new Date(nowMs) }
    const outcome = await receiver.verify(body, headers, secrets, options).catch((error) => error)
    return receiver.isWebhooksError(outcome) ? outcome.code : JSON.stringify(outcome)
  })()`
  return runInContext(script, context) as Promise<string>
}

it.each([
  ['v1', secret],
  ['v1a', publicKey],
])('verifies %s without anything of Node', async (_, key) => {
  expect(JSON.parse(await verifyAtTheEdge({ body, secrets: [key] }))).toEqual({
    id,
    type: 'a',
    timestamp: '2021-02-25T15:02:09.123Z',
    data: { n: 'ž' },
  })
})

/** A receiver over the fetch API's own classes, which every such runtime has. */
it('receives without anything of Node: once, and again after a failure', async () => {
  const sent = new Date()
  const message = { id, timestamp: sent, body, secrets: secret }
  const context = createContext({
    crypto,
    TextEncoder,
    TextDecoder,
    atob,
    btoa,
    Request,
    Response,
    ReadableStream,
    input: JSON.stringify({
      body,
      secret,
      headers: headersOf(sign(message), { id, sentAt: sent }),
    }),
  })
  const script = `${receiver};(async () => {
    if (typeof process + typeof Buffer + typeof require !== 'undefined'.repeat(3)) throw 'not alone'
    const { body, secret, headers } = JSON.parse(input)
    const seen = []
    const failures = []
    const { fetch } = receiver.createReceiver({
      secrets: secret,
      handlers: {
        a: (event) => {
          seen.push(event.data.n)
          if (seen.length === 1) throw new Error('first')
        },
      },
      onError: (error, { status }) => failures.push([error.message, status]),
    })
    const statuses = []
    for (const sent of [body, body, body, body + ' ']) {
      const request = new Request('https://a.example', { method: 'POST', headers, body: sent })
      statuses.push((await fetch(request)).status)
    }
    return JSON.stringify({ statuses, seen, failures: failures.slice(0, 1) })
  })()`
  expect(JSON.parse(await (runInContext(script, context) as Promise<string>))).toEqual({
    statuses: [500, 204, 204, 400],
    seen: ['ž', 'ž'],
    failures: [['first', 500]],
  })
})

it('refuses there as well', async () => {
  expect(await verifyAtTheEdge({ body: `${body} `, secrets: [secret, publicKey] })).toBe(
    'signature_mismatch',
  )
})
