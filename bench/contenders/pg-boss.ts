import PQueue from 'p-queue'
import { PgBoss } from 'pg-boss'
import { batchSize, concurrency, inBatches, type OpenContender, poolSize } from './contender.ts'
import { type Job, newJob, postWithFetch } from './signed-post.ts'

const queueName = 'deliveries'

export const open: OpenContender = async ({ receiverUrl, databaseUrl, namespace }) => {
  const boss = new PgBoss({
    connectionString: databaseUrl,
    schema: namespace,
    max: poolSize,
    useListenNotify: true,
    schedule: false,
  })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  await boss.createQueue(queueName, { notify: true })
  // A batch is larger than what may be under way at once, so that a fetch is seldom waited for.
  const sending = new PQueue({ concurrency })
  return {
    async enqueue(count) {
      await inBatches(count, (size) =>
        boss.insert(
          queueName,
          Array.from({ length: size }, () => ({ data: newJob() })),
        ),
      )
    },
    async work() {
      const options = { batchSize, localConcurrency: 2, burstWhenBatchFull: true }
      await boss.work<Job>(queueName, { ...options, pollingIntervalSeconds: 0.5 }, async (jobs) => {
        await sending.addAll(
          jobs.map(
            ({ data }) =>
              () =>
                postWithFetch(receiverUrl, data),
          ),
        )
      })
    },
    close: () => boss.stop({ graceful: true, timeout: 10_000 }),
  }
}
