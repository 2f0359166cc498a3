/** What we ask of a `PgBoss` of version 12: a shape of our own, so that no types of it are needed. */
export interface PgBossInstance {
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
  createQueue(
    name: string,
    options: {
      policy: string
      notify: boolean
      expireInSeconds: number
      retryLimit: number
      retentionSeconds: number
      deleteAfterSeconds: number
    },
  ): Promise<void>
  send(
    name: string,
    data: null,
    options: { singletonKey: string; startAfter?: Date },
  ): Promise<string | null>
  work(
    name: string,
    options: { batchSize: number; pollingIntervalSeconds: number },
    handler: () => Promise<void>,
  ): Promise<string>
  offWork(name: string, options: { id: string }): Promise<void>
}
