/**
 * Reads a folder of documents, tells two receivers about each of them, and shows the delivery log.
 *
 *     npm run quickstart              the documents that ship with this example
 *     npm run quickstart -- ~/notes   the text files of any folder
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhooks, type Delivery } from '@ainexlayer/webhooks'
import { ainexlayerEvents } from '@ainexlayer/webhooks/ainexlayer'
import { sqliteStorage } from '@ainexlayer/webhooks/sqlite'
import { describeDocument, describeText } from './document-facts.ts'
import {
  formatTable,
  heading,
  QuickstartError,
  readTexts,
  shorten,
  startReceiver,
} from './quickstart-support.ts'

const patienceMs = 60_000

async function quickstart(folder: string): Promise<void> {
  const files = await readTexts(folder)
  const scratch = await mkdtemp(join(tmpdir(), 'ainexlayer-webhooks-'))
  const receiver = await startReceiver()
  const webhooks = createWebhooks({
    events: ainexlayerEvents,
    storage: sqliteStorage({ path: join(scratch, 'webhooks.db') }),
    addressGuard: { allow: ['127.0.0.0/8'] }, // private addresses are refused unless allowed
    retry: { delaysMs: [0, 500, 500] }, // short for the demo; by default ten, over three days
  })
  const workspace = webhooks.forTenant('ws_quickstart')

  try {
    await webhooks.start()

    heading(`Two endpoints, in a process of their own (pid ${receiver.pid})`)
    const endpoints = new Map<string, string>()
    async function connect(name: string, events: string[], outage: number): Promise<void> {
      const url = `${receiver.url}/${name}`
      const { id, secret } = await workspace.endpoints.create({ url, events })
      await receiver.add({ path: `/${name}`, secret, outage })
      endpoints.set(id, name)
      console.log(`${url} subscribes to ${events}`)
    }
    await connect('search-index', ['document.processed'], 0)
    await connect('audit-log', ['document.*'], 2)
    console.log('audit-log will answer its first event with 503, twice, and then recover.')
    console.log('Retries are short in this demo: 0.5 s, or the 1 s that its Retry-After asks for.')

    heading(`Documents in ${folder}`)
    workspace.on('delivery.attempt.failed', ({ delivery, attempt }) => {
      const seconds = (Number(delivery.nextAttemptAt) - Date.now()) / 1000
      const next = delivery.nextAttemptAt ? `next in ${seconds.toFixed(1)} s` : 'it was the last'
      const answer = attempt.response?.status ?? attempt.error?.code
      const name = endpoints.get(delivery.endpointId)
      console.log(`  ! ${name}: ${answer} on attempt ${attempt.number} of an event; ${next}`)
    })
    const emitted = new Map<string, { file: string; at: Date }>()
    for (const { name, bytes, text } of files) {
      const about = {
        workspace: { id: 'ws_quickstart', name: 'Quickstart' },
        document: describeDocument(name, bytes),
      }
      const uploaded = await workspace.emit('document.uploaded', {
        ...about,
        actor: { type: 'user', id: 'usr_ada', name: 'Ada' },
        source: { type: 'upload' },
        uploadedAt: new Date().toISOString(),
      })
      const found = describeText(text)
      const processed = await workspace.emit('document.processed', {
        ...about,
        ...found,
        durationMs: Date.now() - uploaded.createdAt.getTime(),
        processedAt: new Date().toISOString(),
      })
      emitted.set(uploaded.id, { file: name, at: uploaded.createdAt })
      emitted.set(processed.id, { file: name, at: processed.createdAt })
      const { words, language } = found.content
      console.log(
        `${shorten(name).padEnd(22)} ${String(bytes.byteLength).padStart(7)} bytes, ` +
          `${words} words, language ${language ?? 'unknown'}, ${found.chunks} passages`,
      )
    }
    console.log(`${emitted.size} events emitted, each stored before its emit() resolved`)

    const giveUpAt = Date.now() + patienceMs
    while ((await workspace.stats()).backlog > 0 && Date.now() < giveUpAt) await sleep(50)

    heading('Delivery log')
    const log: Delivery[] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await workspace.deliveries.list({ limit: 100, cursor })
      log.push(...page.items)
      cursor = page.nextCursor
    }
    const entries = log.reverse().map(async (delivery) => {
      const event = emitted.get(delivery.eventId)
      const attempts = await workspace.deliveries.attempts(delivery.id)
      const answers = attempts.map(({ response, error }) => response?.status ?? error?.code)
      return [
        endpoints.get(delivery.endpointId) ?? '',
        delivery.eventType,
        shorten(event?.file ?? ''),
        `${attempts.length} (${answers.join(', ')})`,
        delivery.status,
        event && delivery.completedAt ? Number(delivery.completedAt) - Number(event.at) : '',
      ]
    })
    const header = ['endpoint', 'event', 'file', 'attempts', 'status', 'ms']
    const rows = await Promise.all(entries)
    console.log(formatTable(header, rows))
    console.log('(ms: from emit to the answer that settled it)')

    const failed = log.filter((delivery) => delivery.status !== 'succeeded')
    const { verified, refused } = receiver.seen
    console.log(`\n${log.length - failed.length} of ${log.length} deliveries succeeded.`)
    console.log(
      `${verified} requests verified by the standardwebhooks package, ${refused} refused.`,
    )
    for (const name of endpoints.values()) {
      const times = rows.filter(([endpoint]) => endpoint === name).map((row) => Number(row.at(-1)))
      console.log(`The slowest delivery to ${name} took ${Math.max(...times)} ms.`)
    }
    if (failed.length > 0 || refused > 0) throw new QuickstartError('Not everything arrived.')
  } finally {
    await webhooks.stop()
    receiver.stop()
    await rm(scratch, { recursive: true })
  }
}

try {
  await quickstart(resolve(process.argv[2] ?? join(import.meta.dirname, 'documents')))
} catch (error) {
  console.error(error instanceof QuickstartError ? `\n${error.message}` : error)
  process.exitCode = 1
}
