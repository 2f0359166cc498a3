/** Who takes part. A new contender is a file beside this one and an entry here. */

export interface Entry {
  name: string
  title: string
  /** Its file in this folder, without the ending. */
  file: string
  needs: readonly ('postgres' | 'redis')[]
  /** Whether two processes can share its work. */
  shared: boolean
  ours: boolean
  /** How it is configured, and where that is advised. */
  how: string
}

export const entries: readonly Entry[] = [
  {
    name: 'floor',
    title: 'floor: undici `Pool`',
    file: 'floor',
    needs: [],
    shared: false,
    ours: false,
    how: 'An array for a queue, 64 loops that sign and POST over an undici `Pool` of 64 connections. Stores nothing; what this machine can do at most.',
  },
  {
    name: 'postgres-rows',
    title: 'floor, and the rows of our record in Postgres',
    file: 'postgres-rows',
    needs: ['postgres'],
    shared: false,
    ours: false,
    how: 'The floor; the event is inserted before the request, the delivery and its attempt after it, into our tables, each once and in batches of up to 500. Without a queue, a claim, a lease or a second state: what the record alone costs.',
  },
  {
    name: 'fetch',
    title: 'built-in `fetch` loop',
    file: 'fetch-loop',
    needs: [],
    shared: false,
    ours: false,
    how: 'The same with the built-in `fetch`. Stores nothing.',
  },
  {
    name: 'bullmq',
    title: 'BullMQ + signing + `fetch`',
    file: 'bullmq',
    needs: ['redis'],
    shared: true,
    ours: false,
    how: '`addBulk`; one `Worker` with `concurrency: 64` ([concurrency](https://docs.bullmq.io/guide/workers/concurrency)); finished jobs are removed at once ([auto-removal](https://docs.bullmq.io/guide/queues/auto-removal-of-jobs)). Redis keeps nothing on disk.',
  },
  {
    name: 'pg-boss',
    title: 'pg-boss + signing + `fetch`',
    file: 'pg-boss',
    needs: ['postgres'],
    shared: true,
    ours: false,
    how: '`insert`; two local workers that fetch 500 jobs at a time, at once again while a fetch comes back full (`burstWhenBatchFull`), woken by `notify`, polling each half second, the least it takes ([workers](https://pgboss.io/api/workers)); 64 requests at once over both.',
  },
  {
    name: 'graphile-worker',
    title: 'graphile-worker + signing + `fetch`',
    file: 'graphile-worker',
    needs: ['postgres'],
    shared: true,
    ours: false,
    how: '`addJobs`; `concurrentJobs: 64`, `localQueue: { size: 500 }`, `completeJobBatchDelay: 0`, `failJobBatchDelay: 0`, as in the configuration of its own best figures ([performance](https://worker.graphile.org/docs/performance)).',
  },
  {
    name: 'memory',
    title: 'ours, memory',
    file: 'memory',
    needs: [],
    shared: false,
    ours: true,
    how: 'Defaults; 16 endpoints, so that the cap of eight for each leaves all 64 slots usable.',
  },
  {
    name: 'memory-telemetry',
    title: 'ours, memory, `openTelemetry()` without an SDK',
    file: 'memory-telemetry',
    needs: [],
    shared: false,
    ours: true,
    how: 'As above, with `telemetry`.',
  },
  {
    name: 'memory-sdk',
    title: 'ours, memory, with an SDK that keeps everything',
    file: 'memory-sdk',
    needs: [],
    shared: false,
    ours: true,
    how: 'As above; every span is recorded and handed over in batches, and thrown away there.',
  },
  {
    name: 'sqlite',
    title: 'ours, SQLite',
    file: 'sqlite',
    needs: [],
    shared: false,
    ours: true,
    how: 'Defaults.',
  },
  {
    name: 'postgres',
    title: 'ours, Postgres',
    file: 'postgres',
    needs: ['postgres'],
    shared: true,
    ours: true,
    how: 'Defaults, LISTEN/NOTIFY included.',
  },
  {
    name: 'postgres-bullmq',
    title: 'ours, Postgres + BullMQ',
    file: 'postgres-bullmq',
    needs: ['postgres', 'redis'],
    shared: true,
    ours: true,
    how: '`bullmqScheduler` with its defaults, and `listen: false`, as its documentation says.',
  },
  {
    name: 'postgres-pg-boss',
    title: 'ours, Postgres + pg-boss',
    file: 'postgres-pg-boss',
    needs: ['postgres'],
    shared: true,
    ours: true,
    how: '`pgBossScheduler` with its defaults, LISTEN/NOTIFY by pg-boss, and `listen: false`.',
  },
]
