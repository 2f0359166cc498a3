/** A server that contenders use. */
export interface BenchServer {
  /** Of the process that owns all the others. */
  pid: number
  /** Does now what it would otherwise do in the middle of a measurement. */
  settle(): Promise<void>
  /** Takes away what a run left. */
  remove(namespace: string): Promise<void>
  stop(): Promise<void>
}
