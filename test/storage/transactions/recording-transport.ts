import type { Transport } from '../../../src/index.ts'

/** Notes what is sent, and says that it was accepted. */
export function recordingTransport(): Transport & { sent: { id: string; body: string }[] } {
  const sent: { id: string; body: string }[] = []
  const response = { status: 204, headers: {}, body: '', bodyTruncated: false }
  return {
    sent,
    async send({ headers, body }) {
      sent.push({ id: headers['webhook-id'] ?? '', body })
      return { response, error: null }
    },
    async checkUrl() {},
    async close() {},
  }
}
