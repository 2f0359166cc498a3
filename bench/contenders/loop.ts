import type { Contender } from './contender.ts'
import { concurrency, inBatches } from './contender.ts'
import { type Job, newJob } from './signed-post.ts'

/** A queue in an array, emptied by as many loops as there may be requests at once. Stores nothing. */
export function loop(post: (job: Job) => Promise<void>, end: () => Promise<void>): Contender {
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
        jobs.push(...Array.from({ length: size }, newJob))
      })
      if (isWorking) start()
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
