/** A job that says when to look, and nothing of what there is to do. */
export interface WakeUp {
  /** Of two under one key, while the first waits, the second is left out. */
  key: string
  /** How long it waits, in milliseconds; 0 for not at all. */
  delayMs: number
}

/** What a {@link BrokerScheduler} asks of a service that hands out jobs. */
export interface Broker {
  /**
   * Loads the driver and begins to connect; does not wait for the connection. Called once, before
   * everything else. Whatever fails later, and has no caller, goes to `onError`.
   *
   * @throws WebhooksError `driver_missing`
   */
  connect(onError: (error: unknown) => void): Promise<void>
  /** Hands wake-ups to this process from now on, one at a time. Does not wait for the connection. */
  listen(onWake: () => Promise<void>): void
  /** Puts a wake-up, which one of the listening processes gets. Rejects, or hangs, if that fails. */
  put(wakeUp: WakeUp): Promise<void>
  /** Lets go of everything that `connect` and `listen` took. */
  close(): Promise<void>
}
