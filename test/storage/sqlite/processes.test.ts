import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { addDeliveries, newEndpoint, newEvent, openStorage, temporaryFile } from './fixtures.ts'

const script = fileURLToPath(new URL('process.ts', import.meta.url))

interface Run {
  ready: Promise<unknown>
  begin(): void
  /** Resolves when it prints something. */
  more(): Promise<unknown>
  /** The JSON values that it has printed, in whole lines, since it began. */
  printed(): unknown[]
  kill(): void
  /** Its exit code, or the signal that ended it. */
  ended: Promise<unknown>
}

function start(path: string, task: string, name: string): Run {
  const child = spawn(process.execPath, [script, path, task, name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  return {
    ready: once(child.stdout, 'data'),
    begin: () => void child.stdin.write('begin'),
    more: () => once(child.stdout, 'data'),
    printed: () => {
      const lines = output.split('\n').slice(1, -1)
      return lines.map((line): unknown => JSON.parse(line))
    },
    kill: () => void child.kill('SIGKILL'),
    ended: once(child, 'close').then(([code, signal]) => code ?? signal),
  }
}

/** Runs the task in several processes at once and gathers what they print. */
async function runAll(path: string, task: string, count: number): Promise<unknown[]> {
  const runs = Array.from({ length: count }, (_, index) => start(path, task, `p${index}`))
  await Promise.all(runs.map((run) => run.ready))
  for (const run of runs) run.begin()
  expect(await Promise.all(runs.map((run) => run.ended))).toEqual(runs.map(() => 0))
  return runs.flatMap((run) => run.printed())
}

test('several processes create one file at the same moment', async () => {
  const path = temporaryFile()
  const ids = (await runAll(path, 'open', 6)) as string[]
  const storage = await openStorage({ path })
  const events = await storage.getEvents({ tenantId: 'tenant', ids })
  expect(events).toHaveLength(6)
  expect(new Set(events.map((event) => event.position)).size).toBe(6)
})

test('processes that claim at once share the work, and nothing is claimed twice', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const endpointIds = ['ep_1', 'ep_2', 'ep_3']
  for (const id of endpointIds) await storage.insertEndpoint({ endpoint: newEndpoint({ id }) })
  const deliveries = await addDeliveries(storage, 600, endpointIds)
  const claimed = (await runAll(path, 'claim', 3)).flat()
  expect(claimed.toSorted()).toEqual(deliveries.map(({ id }) => id).toSorted())
})

test('processes that fan out at once share the events', async () => {
  const path = temporaryFile()
  const storage = await openStorage({ path })
  const events = Array.from({ length: 600 }, () => newEvent())
  await storage.insertEvents({ events })
  const claimed = (await runAll(path, 'claimEvents', 3)).flat()
  expect(claimed.toSorted()).toEqual(events.map(({ id }) => id).toSorted())
})

test('of processes that race for a key, one inserts and all name its event', async () => {
  const path = temporaryFile()
  const answers = (await runAll(path, 'keys', 4)) as { id: string; inserted: boolean }[]
  expect(answers).toHaveLength(400)
  expect(new Set(answers.map(({ id }) => id)).size).toBe(100)
  expect(answers.filter(({ inserted }) => inserted)).toHaveLength(100)
})

test('what was reported as durable is there after the process was killed', async () => {
  const path = temporaryFile()
  const run = start(path, 'emit', 'p')
  await run.ready
  run.begin()
  while (run.printed().length < 50) await run.more()
  run.kill()
  expect(await run.ended).toBe('SIGKILL')
  const ids = run.printed().flat() as string[]
  const storage = await openStorage({ path })
  expect(await storage.getEvents({ tenantId: 'tenant', ids })).toHaveLength(ids.length)
})
