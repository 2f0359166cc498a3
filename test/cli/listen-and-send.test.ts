import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { Webhook } from 'standardwebhooks'
import { afterEach, describe, expect, test } from 'vitest'
import { ainexlayerEvents } from '../../src/ainexlayer/index.ts'
import { listen, otherSecret, run, scratch, secret } from './support.ts'

const files = scratch()
const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function listening(args: string[] = [], env: Record<string, string> = {}) {
  const listener = await listen(args, env)
  stops.push(() => listener.stop())
  return listener
}

function post(url: string, body: string, key = secret, id = 'msg_1'): Promise<Response> {
  const now = new Date()
  const signature = new Webhook(key).sign(id, now, body)
  const timestamp = String(Math.floor(now.getTime() / 1000))
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signature,
  }
  return fetch(url, { method: 'POST', body, headers })
}

async function serve(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`
}

describe('listen', () => {
  test('shows what is genuine, and says why something is not', async () => {
    const { url, stop } = await listening()
    expect((await post(url, '{"type":"order.paid"}')).status).toBe(204)
    expect((await post(url, '{"type":"order.paid"}')).status).toBe(204)
    expect((await post(url, '{"type":"order.paid"}', otherSecret)).status).toBe(400)
    const { code, stdout, stderr } = await stop()
    expect(code).toBe(0)
    expect(stdout).toMatch(/POST \/hooks msg_1\n {2}genuine\n {4}{\n {6}"type": "order\.paid"\n/)
    expect(stdout).toContain('sent before: 1')
    expect(stdout).toMatch(/not genuine\n {2}wrong_secret: /)
    expect(stderr).not.toContain(secret)
  })

  test('plays a bad receiver: --fail answers with an error first, --delay waits', async () => {
    const { url } = await listening(['--fail', '2', '--status', '503', '--delay', '30ms'])
    const statuses: number[] = []
    for (let count = 0; count < 3; count++) statuses.push((await post(url, '{}')).status)
    expect(statuses).toEqual([503, 503, 204])
  })

  test('--json prints a line per request, and hostile text is text', async () => {
    const { url, stop } = await listening(['--json'])
    const body = '{"type":"a\u009b31m"}'
    await post(url, body)
    const { stdout } = await stop()
    expect(stdout).not.toContain('\u009b')
    const received = JSON.parse(stdout.trimEnd())
    expect(received).toMatchObject({ body, answer: 204, repeat: 0, verdict: { genuine: true } })
  })

  test('hostile bytes in path and body show as text', async () => {
    const { url, stop } = await listening([], { WEBHOOK_SECRET: '' })
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    const body = '\u001b[2J\u001b]0;owned\u0007\r\n2026-01-01 POST /forged\n'
    socket.end(
      `POST /\u001b[31m HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    await text(socket)
    await fetch(url, { method: 'POST', body })
    const { stdout } = await stop()
    expect(stdout).not.toContain('\u001b')
    expect(stdout).toContain('not verified')
    expect(stdout).toContain('    \\x1b[2J\\x1b]0;owned\\x07')
    // What came in several lines stays inside of its own block.
    expect(stdout).toMatch(/^ {4}2026-01-01 POST \/forged$/m)
  })

  test('outlives what is too deep for --json', async () => {
    const { url, stop } = await listening(['--json'])
    const deep = `{"type":"a","data":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
    expect((await post(url, deep)).status).toBe(204)
    expect((await post(url, '{"type":"a"}')).status).toBe(204)
    const { code, stdout, stderr } = await stop()
    expect(code).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(1)
    expect(stderr).toContain('nested too deeply')
  })

  test('--forward passes on the very bytes and headers, and gives that answer', async () => {
    const received: { body: Buffer; headers: Record<string, unknown> }[] = []
    const behind = await serve(
      createServer(async (request, response) => {
        received.push({ body: await buffer(request), headers: request.headers })
        response.writeHead(202, { 'content-type': 'text/plain' }).end('taken')
      }),
    )
    const { url } = await listening(['--forward', behind])
    const body = '{ "type":"ž" }'
    const response = await post(url, body)
    expect([response.status, await response.text()]).toEqual([202, 'taken'])
    expect(received[0]?.body.toString()).toBe(body)
    const headers = received[0]?.headers as Record<string, string>
    expect(new Webhook(secret).verify(body, headers)).toEqual({ type: 'ž' })
    expect((await post(url, body, otherSecret)).status).toBe(400)
    expect(received).toHaveLength(1)
  })

  test('--forward gives the answer to the byte, and decoded', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe])
    const behind = await serve(
      createServer((_, response) => {
        const headers = { location: '/there', 'content-encoding': 'gzip' }
        response.writeHead(200, headers).end(gzipSync(bytes))
      }),
    )
    const { url } = await listening(['--forward', behind])
    const response = await post(url, '{}')
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes)
    expect(response.headers.get('location')).toBe('/there')
  })

  test.each(['notaurl', 'data:,x', 'file:///etc/hosts'])(
    '--forward %s is a wrong call',
    async (to) => {
      const { code, stderr } = await run(['listen', '--forward', to])
      expect(code).toBe(2)
      expect(stderr).toContain('http:// or https://')
    },
  )

  test('--forward to nobody is 502, and says so', async () => {
    const { url, stop } = await listening(['--forward', 'http://127.0.0.1:1/'])
    expect((await post(url, '{}')).status).toBe(502)
    expect((await stop()).stdout).toContain('not forwarded: ')
  })

  test('a port that is taken is a fault of the environment', async () => {
    const taken = await serve(createServer())
    const outcome = await run(['listen', '--port', new URL(taken).port])
    expect(outcome.code).toBe(3)
    expect(outcome.stderr).toContain('port_unavailable')
  })
})

describe('send', () => {
  const allow = ['--allow', '127.0.0.1']

  test('one signed request, which listen finds genuine', async () => {
    const { url, stop } = await listening(['--json'])
    const file = files.write('event.json', '{"type":"order.paid","data":{}}\n')
    const args = ['send', url, file, ...allow, '--header', 'X-Tenant: t1', '--id', 'evt_7']
    const { code, stdout } = await run([...args, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ succeeded: true, response: { status: 204 } })
    const received = JSON.parse((await stop()).stdout)
    expect(received).toMatchObject({
      body: '{"type":"order.paid","data":{}}\n',
      headers: { 'x-tenant': 't1', 'webhook-id': 'evt_7' },
      verdict: { genuine: true },
    })
  })

  test('--type sends the example of an event type', async () => {
    const { url, stop } = await listening(['--json'])
    expect((await run(['send', url, '--type', 'document.processed', ...allow])).code).toBe(0)
    const { type, data } = JSON.parse(JSON.parse((await stop()).stdout).body)
    expect(ainexlayerEvents.parse(type, data)).toEqual(data)
    const unknown = await run(['send', url, '--type', 'document.lost', ...allow])
    expect(unknown).toMatchObject({ code: 2 })
  })

  test('a time-out that no timer holds is a wrong call', async () => {
    const { code, stderr } = await run(['send', 'http://127.0.0.1:1/', '--timeout', '30d'])
    expect(code).toBe(2)
    expect(stderr).toContain('a day (24h) at most')
  })

  test('what is not accepted is a no; what came back shows as text', async () => {
    const url = await serve(
      createServer((request, response) => {
        request.resume()
        response.writeHead(500, { 'x-note': 'a' }).end('\u001b[31mno\u0000')
      }),
    )
    const { code, stdout } = await run(['send', url, ...allow, '--data', '{}'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^500 in \d+ ms\n/)
    expect(stdout).toContain('x-note: a')
    expect(stdout).toContain('    \\x1b[31mno\\x00')
  })

  test('the address guard stands, as for every delivery', async () => {
    const { url } = await listening()
    const refused = await run(['send', url, '--data', '{}', '--json'])
    expect(refused.code).toBe(1)
    expect(JSON.parse(refused.stdout).error.code).toBe('address_refused')
  })

  test.each([
    ['a body that is not UTF-8', ['--data-file'], Buffer.from([0xff, 0xfe])],
    ['a header of ours', ['--header', 'webhook-id: x'], '{}'],
    ['a header that is none', ['--header', 'nonsense'], '{}'],
    ['an exception that is none', ['--allow', '300.0.0.0/8'], '{}'],
  ])('%s is a wrong call', async (_, args, input) => {
    const url = 'http://127.0.0.1:1/'
    const extra = args[0] === '--data-file' ? [] : args
    expect((await run(['send', url, ...extra], { input })).code).toBe(2)
  })
})
