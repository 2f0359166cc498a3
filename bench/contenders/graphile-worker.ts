import { Logger, makeWorkerUtils, type Runner, run, type WorkerUtils } from 'graphile-worker'
import { concurrency, inBatches, type OpenContender } from './contender.ts'
import { type Job, newJob, postWithFetch } from './signed-post.ts'

export const open: OpenContender = async ({ receiverUrl, databaseUrl, namespace }) => {
  const preset = {
    worker: {
      connectionString: databaseUrl,
      maxPoolSize: concurrency + 1,
      schema: namespace,
      concurrentJobs: concurrency,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
      logger: new Logger(() => () => {}),
    },
  }
  const utils: WorkerUtils = await makeWorkerUtils({ preset })
  await utils.migrate()
  let runner: Runner | null = null
  return {
    async enqueue(count) {
      await inBatches(count, (size) =>
        utils.addJobs(
          Array.from({ length: size }, () => ({ identifier: 'deliver', payload: newJob() })),
        ),
      )
    },
    async work() {
      const deliver = (payload: unknown) => postWithFetch(receiverUrl, payload as Job)
      runner = await run({ preset, taskList: { deliver } })
    },
    async close() {
      await runner?.stop()
      await utils.release()
    },
  }
}
