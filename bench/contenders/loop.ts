import type { Contender } from './contender.ts'
import { concurrency, inBatches } from './contender.ts'
import { type Job, newJob } from './signed-post.ts'

/**
 * A queue in an array, emptied by as many loops as there may be requests at once.
 *
 * @param parts.store - Is awaited with each batch before it is enqueued; by default nothing is stored.
 */
export function loop({
  store = async () => {},
  post,
  end,
}: {
  store?: (jobs: Job[]) => Promise<void>
  post: (job: Job) => Promise<void>
  end: () => Promise<void>
}): Contender {
  const jobs: Job[] = []
  let running: Promise<unknown> = Promise.resolve()
  let isWorking = false

  async function sendAll(): Promise<void> {
    for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) await post(job)
  }
  function start(): void {
    running = Promise.all([running, ...Array.from({ length: concurrency }, sendAll)])
  }

  return {
    async enqueue(count) {
      await inBatches(count, async (size) => {
        const batch = Array.from({ length: size }, newJob)
        await store(batch)
        jobs.push(...batch)
        if (isWorking) start()
      })
    },
    async work() {
      isWorking = true
      start()
    },
    async close() {
      await running
      await end()
    },
  }
}
