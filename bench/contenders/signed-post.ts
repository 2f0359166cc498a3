/** What every rival does with a job: sign by Standard Webhooks, and POST. */
import { randomBytes } from 'node:crypto'
import { Pool } from 'undici'
import { createIdSource } from '../../src/core/ids.ts'
import { sign } from '../../src/index.ts'
import { systemClock, systemRandom } from '../../src/system.ts'
import { concurrency, data } from './contender.ts'

/** A job as a team would store it: the body is written by the worker. */
export interface Job {
  id: string
  payload: { type: string; timestamp: string; data: { text: string } }
}

/** Ids that sort by time, as ours: they cost a database the least. */
export const ids = createIdSource({ clock: systemClock, random: systemRandom })

const secret = `whsec_${randomBytes(24).toString('base64')}`

export function newJob(): Job {
  const timestamp = new Date().toISOString()
  return { id: ids('evt'), payload: { type: 'bench.event', timestamp, data } }
}

export function signed({ id, payload }: Job): { headers: Record<string, string>; body: string } {
  const body = JSON.stringify(payload)
  const timestamp = new Date()
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1000)),
    'webhook-signature': sign({ id, timestamp, body, secrets: [secret] }),
  }
  return { headers, body }
}

/** With the built-in fetch, as most teams would. */
export async function postWithFetch(url: string, job: Job): Promise<void> {
  const answer = await fetch(url, { method: 'POST', ...signed(job) })
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`The receiver answered ${answer.status}`)
}

/** With an undici `Pool`: what Node can do at most. */
export function poolPoster(url: string): {
  post(job: Job): Promise<void>
  close(): Promise<void>
} {
  const pool = new Pool(new URL(url).origin, { connections: concurrency })
  return {
    async post(job) {
      const answer = await pool.request({ path: '/', method: 'POST', ...signed(job) })
      await answer.body.dump()
      if (answer.statusCode !== 200) throw new Error(`The receiver answered ${answer.statusCode}`)
    },
    close: () => pool.close(),
  }
}
