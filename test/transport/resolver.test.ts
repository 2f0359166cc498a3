import dgram from 'node:dgram'
import dns from 'node:dns/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createResolver } from '../../src/transport/resolver.ts'

const typeA = 1
const typeAAAA = 28
const serverFailure = 2
const noSuchName = 3
const refused = 5

/** A name server on loopback whose names say how it answers. */
let server: dgram.Socket
let address: string
/** Queries for a name that is known at first. */
let fadingAnswers = 0
/** Queries that came and were not answered, for names of which one family is. */
let mutedQueries = 0

beforeAll(async () => {
  server = dgram.createSocket('udp4')
  server.on('message', (query, { port }) => {
    const answer = answerTo(query)
    if (answer !== null) server.send(answer, port, '127.0.0.1')
  })
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve))
  address = `127.0.0.1:${server.address().port}`
})

afterAll(() => {
  server.close()
})

/** RFC 1035 section 4: header, question, and at most one record. */
function answerTo(query: Buffer): Buffer | null {
  const { name, end } = readName(query)
  const type = query.readUInt16BE(end)
  const question = query.subarray(12, end + 4)
  if (name.startsWith('silent')) return null
  if (name.startsWith('unknown')) return reply(query, question, noSuchName, null)
  if (name.startsWith('broken')) return reply(query, question, serverFailure, null)
  if (name.startsWith('refused')) return reply(query, question, refused, null)
  if (name.startsWith('fading') && fadingAnswers++ >= 2) {
    return reply(query, question, serverFailure, null)
  }
  const muted = name.startsWith('mute4') ? typeA : name.startsWith('mute6') ? typeAAAA : null
  if (type === muted) {
    mutedQueries += 1
    return null
  }
  if (name.startsWith('half') && type === typeAAAA) {
    return reply(query, question, serverFailure, null)
  }
  if (type === typeA && !name.startsWith('six')) {
    return reply(query, question, 0, Buffer.from([93, 184, 215, 14]))
  }
  if (type === typeAAAA && !name.startsWith('half')) {
    return reply(query, question, 0, Buffer.from('26064700470000000000000000001111', 'hex'))
  }
  return reply(query, question, 0, null)
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

function reply(query: Buffer, question: Buffer, code: number, data: Buffer | null): Buffer {
  const header = Buffer.alloc(12)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(0x8180 | code, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(data === null ? 0 : 1, 6)
  if (data === null) return Buffer.concat([header, question])
  const record = Buffer.alloc(12)
  record.writeUInt16BE(0xc00c, 0)
  record.writeUInt16BE(data.length === 4 ? typeA : typeAAAA, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt16BE(data.length, 10)
  return Buffer.concat([header, question, record, data])
}

describe('the default look-up', () => {
  test('gives the addresses of both families', async () => {
    const lookup = createResolver([address])
    expect(await lookup('both.test')).toEqual(['93.184.215.14', '2606:4700:4700::1111'])
    expect(await lookup('six.test')).toEqual(['2606:4700:4700::1111'])
  })

  test('uses what came if one family fails', async () => {
    expect(await createResolver([address])('half.test')).toEqual(['93.184.215.14'])
  })

  test('does not wait long for a family that is never answered', async () => {
    const lookup = createResolver([address])
    expect(await lookup('mute6.test')).toEqual(['93.184.215.14'])
    expect(await lookup('mute4.test')).toEqual(['2606:4700:4700::1111'])
    // After a second they are asked again.
    expect(mutedQueries).toBe(2)
  })

  test('tells a name that does not exist from a name server that does not work', async () => {
    const lookup = createResolver([address])
    await expect(lookup('unknown.test')).rejects.toMatchObject({
      code: 'dns_not_found',
      origin: 'receiver',
    })
    await expect(createResolver([address])('broken.test')).rejects.toMatchObject({
      code: 'dns_failed',
      origin: 'sender',
    })
    await expect(lookup('a..b')).rejects.toMatchObject({ code: 'dns_not_found' })
  })

  test('blames a silent name, once others were answered meanwhile', async () => {
    const lookup = createResolver([address])
    const silent = lookup('silent.test')
    await lookup('both.test')
    const alone = createResolver([address])('silent.test')
    await expect(silent).rejects.toMatchObject({ code: 'dns_failed', origin: 'network' })
    await expect(alone).rejects.toMatchObject({ code: 'dns_failed', origin: 'sender' })
  })

  test('blames a name that nobody can tell anything of, once another was answered', async () => {
    const lookup = createResolver([address])
    await lookup('both.test')
    await lookup('six.test')
    for (const name of ['broken.test', 'refused.test']) {
      await expect(lookup(name)).rejects.toMatchObject({
        code: 'dns_failed',
        message: expect.stringMatching(/could not tell \(E\w+\), though others are answered/),
        origin: 'network',
      })
    }
  })

  test('does not blame a name because it was answered itself a moment ago', async () => {
    const lookup = createResolver([address])
    await lookup('fading.test')
    await expect(lookup('fading.test')).rejects.toMatchObject({
      code: 'dns_failed',
      origin: 'sender',
    })
  })

  test("does not delay the host's own look-ups", async () => {
    const lookup = createResolver([address])
    let ended = 0
    const silent = Array.from({ length: 50 }, (_, n) =>
      lookup(`silent-${n}.test`).catch(() => ended++),
    )
    await dns.lookup('localhost')
    await lookup('both.test')
    expect(ended).toBe(0)
    await Promise.all(silent)
  })
})
