import { spawnSync } from 'node:child_process'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { sign } from '../../src/core/signing/signer.ts'
import { publicKey, secretKey } from '../signing/support.ts'
import { cli, otherSecret, run, scratch, secret } from './support.ts'

const files = scratch()
const body = '{"type":"order.paid","data":{"a":1,"path":"a/b","name":"ž & co"}}'
const id = 'msg_1'
const sentAt = new Date('2026-11-23T20:15:04Z')
const now = ['--now', sentAt.toISOString()]

describe('sign', () => {
  test('prints headers that the reference library accepts', async () => {
    const { code, stdout } = await run(['sign', '--json'], { input: body })
    expect(code).toBe(0)
    const { headers } = JSON.parse(stdout)
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body))
  })

  test('a file, to the byte, with the id and time that were asked for', async () => {
    const file = files.write('body.json', `${body}\n`)
    const { stdout } = await run(['sign', file, '--id', id, '--timestamp', '1795464904'])
    const signature = new Webhook(secret).sign(id, new Date(1_795_464_904_000), `${body}\n`)
    expect(stdout).toBe(
      `webhook-id: ${id}\nwebhook-timestamp: 1795464904\nwebhook-signature: ${signature}\n`,
    )
  })

  test.each([
    ['no secret', ['sign'], { WEBHOOK_SECRET: '' }, 'secret_missing'],
    ['a secret that is none', ['sign'], { WEBHOOK_SECRET: 'whsec_x' }, 'invalid_secret'],
    ['a file that is not there', ['sign', '/nowhere'], {}, 'input_unreadable'],
    ['an id with a dot', ['sign', '--id', 'a.b'], {}, 'invalid_option'],
  ] as const)('%s is a wrong call, with a code', async (_, args, env, code) => {
    const outcome = await run([...args, '--json'], { input: body, env })
    expect(outcome).toMatchObject({ code: 2, stdout: '' })
    expect(JSON.parse(outcome.stderr).error.code).toBe(code)
    expect(outcome.stderr).not.toContain(secret)
  })

  test('reads the secret from a file as well, several for a rotation', async () => {
    const file = files.write('secrets', `${secret}\n${otherSecret}\n`)
    const { stdout } = await run(['sign', '--secret-file', file], { input: body })
    expect(stdout.match(/v1,/g)).toHaveLength(2)
  })
})

/** Headers of a genuine request over some bytes. */
function headersFor(signed: string | Uint8Array, secrets: string = secret): string[] {
  return headersOf(sign({ id, timestamp: sentAt, body: signed, secrets }))
}

function headersOf(signature: string, timestamp = sentAt): string[] {
  const seconds = Math.floor(timestamp.getTime() / 1000)
  return [
    ...['--header', `webhook-id: ${id}`],
    ...['--header', `Webhook-Timestamp: ${seconds}`],
    ...['--header', `webhook-signature: ${signature}`],
  ]
}

describe('verify', () => {
  test.each([
    ['v1', secret, secret],
    ['v1a', secretKey, publicKey],
  ])('a genuine request, %s', async (_, signWith, verifyWith) => {
    const args = ['verify', ...now, ...headersFor(body, signWith)]
    const outcome = await run(args, { input: body, env: { WEBHOOK_SECRET: verifyWith } })
    expect(outcome).toEqual({ code: 0, stdout: `genuine: ${id}, order.paid\n`, stderr: '' })
  })

  test('headers from a file, as lines of a log or as JSON', async () => {
    const lines = headersFor(body).filter((part) => part !== '--header')
    const log = files.write('headers.txt', `> POST /hooks HTTP/1.1\n> ${lines.join('\n> ')}\n`)
    const json = files.write(
      'headers.json',
      JSON.stringify(Object.fromEntries(lines.map((line) => line.split(': ', 2)))),
    )
    for (const file of [log, json]) {
      const { code } = await run(['verify', ...now, '--headers-file', file], { input: body })
      expect(code).toBe(0)
    }
  })

  test('says it in words, with the way out', async () => {
    const args = ['verify', ...now, ...headersFor(body)]
    const { code, stdout } = await run(args, { input: `${body}\n` })
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^not genuine\n\n {2}line_break: The signature is genuine for the body without the line break at its end\.\n {2}Take/,
    )
  })

  test('what is hostile in a genuine event shows as text', async () => {
    const hostile = '{"type":"\\u001b]0;owned\\u0007\\u202e","data":{}}'
    const { stdout } = await run(['verify', ...now, ...headersFor(hostile)], { input: hostile })
    expect(stdout).toBe(`genuine: ${id}, \\x1b]0;owned\\x07\\u202e\n`)
    const json = await run(['verify', '--json', ...now, ...headersFor(hostile)], { input: hostile })
    for (const character of '\u001b\u0007\u202e') expect(json.stdout).not.toContain(character)
    expect(JSON.parse(json.stdout).event.type).toBe('\u001b]0;owned\u0007\u202e')
  })

  test.each(['999999999999d', '1e3d', '2026-13-01'])('--now %s is a wrong call', async (now) => {
    const args = ['verify', '--now', now, ...headersFor(body)]
    const { code, stderr } = await run(args, { input: body })
    expect(code).toBe(2)
    expect(stderr).toContain('Write an instant')
  })

  test('the exit code counts also where nobody reads the notes', async () => {
    const args = JSON.stringify(['verify', '--bad'])
    const script = `const { spawn } = require('node:child_process')
      const child = spawn(process.execPath, [process.argv[1], ...${args}], { stdio: ['ignore', 'ignore', 'pipe'] })
      child.stderr.destroy()
      child.on('exit', (code) => process.exit(code))`
    const { status } = spawnSync(process.execPath, ['-e', script, cli])
    expect(status).toBe(2)
  })
})
