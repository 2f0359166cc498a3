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
  let isWorking = false
  let running = 0
  let done = (): void => {}

  async function sendAll(): Promise<void> {
    for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) await post(job)
    running -= 1
    if (running === 0) done()
  }
  function start(): void {
    while (running < concurrency && jobs.length > 0) {
      running += 1
      void sendAll()
    }
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
      if (running > 0) await new Promise<void>((resolve) => (done = resolve))
      await end()
    },
  }
}
