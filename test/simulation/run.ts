/**
 * `npm run simulate -- --seeds 100000 --from 1`: simulates any number of seeds on all cores, and
 * tells the story of the first that breaks a promise.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { simulate } from '../../src/testing/simulation/index.ts'

interface Share {
  from: number
  until: number
  stride: number
}

/** Told by a worker: so many more seeds were sound, or one was not. */
type News = { sound: number } | { broken: number }

const seedsPerNews = 100

if (isMainThread) await runAll()
else await runShare(workerData as Share)

async function runAll(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '2000' },
      from: { type: 'string', default: '1' },
    },
  })
  const from = wholeNumber('from', values.from)
  const count = wholeNumber('seeds', values.seeds)
  const stride = Math.min(availableParallelism(), count)
  let sound = 0
  const broken = await new Promise<number | null>((resolve, reject) => {
    for (let index = 0; index < stride; index += 1) {
      const share: Share = { from: from + index, until: from + count, stride }
      const worker = new Worker(new URL(import.meta.url), { workerData: share })
      worker.on('error', reject)
      worker.on('message', (news: News) => {
        if ('broken' in news) return resolve(news.broken)
        sound += news.sound
        if (process.stdout.isTTY) process.stdout.write(`\r${sound} of ${count} seeds are sound`)
        if (sound === count) resolve(null)
      })
    }
  })
  if (broken === null) {
    console.log(`\r${count} seeds from ${from} on: every promise held.`)
    process.exit(0)
  }
  const { story } = await simulate({ seed: broken, story: true })
  console.log(`\rSeed ${broken} breaks a promise. This is its story:\n${story.join('\n')}`)
  process.exit(1)
}

async function runShare({ from, until, stride }: Share): Promise<void> {
  let sound = 0
  for (let seed = from; seed < until; seed += stride) {
    const { violations } = await simulate({ seed })
    if (violations.length > 0) return tell({ broken: seed })
    sound += 1
    if (sound < seedsPerNews) continue
    tell({ sound })
    sound = 0
  }
  tell({ sound })
}

function tell(news: News): void {
  parentPort?.postMessage(news)
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  console.error(`--${name} must be a whole number from 1 on, not "${text}"`)
  process.exit(2)
}
