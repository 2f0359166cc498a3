import { createPublicKey, verify as verifyBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sign } from '../../src/core/signing/signer.ts'
import { WebhooksError } from '../../src/errors.ts'
import { verify } from '../../src/receiver/index.ts'
import {
  body,
  casesOf,
  headersOf,
  id,
  type SigningCase,
  sentAt,
  signingCases,
  verifyByReference,
} from './support.ts'

const label = '$caseId $name'

it('has a place for every case', () => {
  const known = ['secret', 'sign', 'sign-args', 'sign-multi', 'sign-v1a', 'verify']
  expect([...new Set(signingCases.map(({ kind }) => kind))].sort()).toEqual(known)
  expect(signingCases).toHaveLength(72)
})

describe('what is signed', () => {
  it.each(casesOf('sign'))(label, (given) => {
    const payload = payloadOf(given)
    const message = { id: given.id, timestamp: instantOf(given.timestamp) }
    const signature = sign({ ...message, body: payload, secrets: [given.secret] })
    expect(signature).toBe(given.expected)
    const headers = headersOf(signature, { id: given.id, sentAt: message.timestamp })
    verifyByReference(payload, headers, given.secret)
  })

  it.each(casesOf('sign-multi'))(label, ({ secrets, expected, payload = '', ...given }) => {
    const timestamp = instantOf(given.timestamp)
    expect(sign({ id: given.id, timestamp, body: payload, secrets })).toBe(expected)
    for (const secret of secrets.filter((candidate) => candidate.startsWith('whsec_'))) {
      verifyByReference(payload, headersOf(expected, { id: given.id, sentAt: timestamp }), secret)
    }
  })

  it.each(casesOf('sign-v1a'))(label, async (given) => {
    const payload = payloadOf(given)
    const timestamp = instantOf(given.timestamp)
    const signature = sign({ id: given.id, timestamp, body: payload, secrets: [given.secret] })
    expect(signature).toBe(given.expected)

    // The reference package has no v1a in JavaScript; OpenSSL, by way of Node, stands in for it.
    const content = Buffer.from(`${given.id}.${given.timestamp}.${payload}`)
    const x = Buffer.from(given.publicKey.slice('whpk_'.length), 'base64').toString('base64url')
    const jwk = { kty: 'OKP', crv: 'Ed25519', x }
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const bytes = Buffer.from(signature.slice('v1a,'.length), 'base64')
    expect(verifyBytes(null, content, key, bytes)).toBe(true)

    const headers = headersOf(signature, { id: given.id, sentAt: timestamp })
    await verify(payload, headers, given.publicKey, { now: timestamp })
  })
})

describe('secrets that cannot sign', () => {
  it.each(casesOf('secret'))(label, ({ secret }) => {
    const error = thrownBy(() => sign({ id, timestamp: sentAt, body, secrets: [secret] }))
    expect(error.code).toBe('invalid_secret')
    const encoded = (secret ?? '').replace(/^\s*(v1,)?wh\w{1,3}_/, '').trim()
    if (encoded !== '') expect(error.message).not.toContain(encoded)
  })
})

describe('messages that cannot be signed', () => {
  it.each(casesOf('sign-args'))(label, ({ args, expect: outcome, ...given }) => {
    const secrets = [given.secret ?? 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']
    const signAt = (seconds: number) =>
      sign({ id: args.id, timestamp: instantOf(seconds), body: args.payload, secrets })
    const seconds = Number(args.timestamp)
    if (outcome === 'floor-or-throw') {
      expect(signAt(seconds)).toBe(signAt(Math.floor(seconds)))
    } else {
      expect(thrownBy(() => signAt(seconds)).code).toBe('invalid_option')
    }
  })
})

describe('what is verified', () => {
  /** Its signature is genuine and its body no JSON: `verify` says so, since it gives the event. */
  const notJson = 'sig-070'

  it.each(casesOf('verify'))(label, async (given) => {
    const outcome = verify(payloadOf(given), given.headers, given.secret, {
      now: instantOf(given.now),
    })
    if (given.caseId === notJson) {
      await expect(outcome).rejects.toMatchObject({ code: 'signature_body_invalid' })
    } else if (given.expect === 'accept') {
      await expect(outcome).resolves.toMatchObject({ id: given.headers['webhook-id'] })
    } else {
      await expect(outcome).rejects.toMatchObject({
        code: expect.stringMatching(/^signature_(header|timestamp|mismatch)/),
      })
    }
  })
})

function payloadOf({ payload, payloadRepeat }: SigningCase): string {
  return payload ?? payloadRepeat?.char.repeat(payloadRepeat.count) ?? ''
}

function instantOf(seconds: number): Date {
  return new Date(seconds * 1000)
}

function thrownBy(action: () => unknown): WebhooksError {
  try {
    action()
  } catch (error) {
    if (error instanceof WebhooksError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
