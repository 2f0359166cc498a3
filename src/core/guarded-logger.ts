import type { Logger } from '../ports.ts'

/** A logger of the host's whose own failures, thrown or rejected, disturb nobody. */
export function guardedLogger(logger: Logger): Logger {
  const guarded = (level: keyof Logger) => (details: object, message: string) => {
    const told = (async () => logger[level](details, message))()
    told.catch(() => {})
  }
  return {
    debug: guarded('debug'),
    info: guarded('info'),
    warn: guarded('warn'),
    error: guarded('error'),
  }
}
