import { Queue, Worker } from 'bullmq'
import { concurrency, inBatches, type OpenContender } from './contender.ts'
import { type Job, newJob, postWithFetch } from './signed-post.ts'

export const open: OpenContender = async ({ receiverUrl, redisPort, namespace }) => {
  const connection = { host: '127.0.0.1', port: redisPort }
  const queue = new Queue<Job>(namespace, { connection })
  await queue.waitUntilReady()
  let worker: Worker<Job> | null = null
  return {
    async enqueue(count) {
      await inBatches(count, (size) =>
        queue.addBulk(Array.from({ length: size }, () => ({ name: 'deliver', data: newJob() }))),
      )
    },
    async work() {
      worker = new Worker<Job>(namespace, ({ data }) => postWithFetch(receiverUrl, data), {
        connection: { ...connection, maxRetriesPerRequest: null },
        concurrency,
        removeOnComplete: { count: 0 },
      })
      await worker.waitUntilReady()
    },
    async close() {
      await worker?.close()
      await queue.close()
    },
  }
}
