import { readFileSync } from 'node:fs'
import { Webhook } from 'standardwebhooks'
import { vi } from 'vitest'
import type { Random } from '../../src/ports.ts'

export const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
export const otherSecret = 'whsec_EyACfgpfMoABCwthxrpj+X4IdNLl6OnW1JDazODE4rI='
/** The key pair of the Svix README. */
export const secretKey =
  'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=='
export const publicKey = 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4='

export const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
export const sentAt = new Date(1_614_265_330_000)
export const body = '{"test": 2432232314}'

/** Bytes that count up from `first`: random enough to be told apart, and the same on every run. */
export function countingRandom(first = 0): Random {
  return {
    next: () => 0.5,
    bytes: (length) => Uint8Array.from({ length }, (_, index) => (first + index) % 256),
  }
}

export function headersOf(signature: string, given = { id, sentAt }): Record<string, string> {
  return {
    'webhook-id': given.id,
    'webhook-timestamp': String(Math.floor(given.sentAt.getTime() / 1000)),
    'webhook-signature': signature,
  }
}

/** Verifies with the reference implementation, which knows no clock but the system's. */
export function verifyByReference(
  payload: string | Buffer,
  headers: Record<string, string>,
  key: string,
): void {
  vi.useFakeTimers({
    toFake: ['Date'],
    now: Number(headers['webhook-timestamp']) * 1000,
  })
  try {
    new Webhook(key).verify(payload, headers, { jsonParse: false })
  } finally {
    vi.useRealTimers()
  }
}

/** A case of test/cases/signing.json; which fields it has depends on its kind. */
export interface SigningCase {
  kind: 'sign' | 'sign-v1a' | 'sign-multi' | 'sign-args' | 'secret' | 'verify'
  caseId: string
  name: string
  secret: string
  secrets: string[]
  publicKey: string
  id: string
  timestamp: number
  payload?: string
  payloadRepeat?: { char: string; count: number }
  expected: string
  args: { id: string; timestamp: number | 'NaN'; payload: string }
  expect: 'accept' | 'reject' | 'throw' | 'floor-or-throw'
  now: number
  headers: Record<string, string>
}

const file = new URL('../cases/signing.json', import.meta.url)
export const signingCases: SigningCase[] = JSON.parse(readFileSync(file, 'utf8'))

export function casesOf(kind: SigningCase['kind']): SigningCase[] {
  return signingCases.filter((candidate) => candidate.kind === kind)
}
