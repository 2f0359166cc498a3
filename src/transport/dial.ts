/** Opens a TCP connection to the first of several addresses that answers. */
import net from 'node:net'

/** RFC 8305 section 5: how long an address has before the next one is tried beside it. */
const attemptDelayMs = 250

/** More addresses than that are not tried: a name server may answer with thousands. */
const maxAttempts = 8

/**
 * Dials addresses in turn, each one beside those before it if they are slow or at once if they
 * fail (RFC 8305, "happy eyeballs"). The losers are closed.
 *
 * @throws the last address's error if none answered, the signal's reason if it aborts
 */
export function dial(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<net.Socket> {
  const queue = alternateFamilies(addresses).slice(0, maxAttempts)
  return new Promise((resolve, reject) => {
    const pending = new Set<net.Socket>()
    let timer: NodeJS.Timeout | undefined

    function finish(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      for (const socket of pending) socket.destroy()
    }
    function abort(): void {
      finish()
      reject(signal.reason)
    }
    function next(): void {
      clearTimeout(timer)
      const host = queue.shift()
      if (host === undefined) return
      const socket = net.connect({ host, port, noDelay: true, keepAlive: true })
      pending.add(socket)
      socket.once('connect', () => {
        pending.delete(socket)
        finish()
        resolve(socket)
      })
      // Stays on the socket: an error before its next owner listens must not end the process.
      socket.on('error', (error) => {
        const failed = pending.delete(socket)
        if (!failed) return
        if (queue.length > 0) return next()
        if (pending.size > 0) return
        finish()
        reject(error)
      })
      if (queue.length > 0) timer = setTimeout(next, attemptDelayMs)
    }

    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', abort)
    next()
  })
}

/** RFC 8305 section 4: the other family comes second, so that one broken family costs one try. */
function alternateFamilies(addresses: readonly string[]): string[] {
  const [first = ''] = addresses
  const same = addresses.filter((address) => net.isIP(address) === net.isIP(first))
  const other = addresses.filter((address) => net.isIP(address) !== net.isIP(first))
  return same
    .flatMap((address, index) => [address, ...other.slice(index, index + 1)])
    .concat(other.slice(same.length))
}
