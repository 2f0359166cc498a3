/** What the process connects to, on record. */
import net from 'node:net'

export interface Dial {
  host: string
  port: number
}

/**
 * Records every TCP connection that is begun. With `refuse`, none is made: each one fails as if
 * nobody listened, so that public addresses can be tried without calling anybody.
 */
export function recordDials({ refuse }: { refuse: boolean }) {
  const dials: Dial[] = []
  const { connect } = net.Socket.prototype

  function recorded(this: net.Socket, ...given: unknown[]): net.Socket {
    // net.connect hands over what it made of its arguments: [options, callback].
    const [first] = given
    const { host, port } = (Array.isArray(first) ? first[0] : first) as net.TcpNetConnectOpts
    dials.push({ host: String(host), port })
    if (!refuse) return Reflect.apply(connect, this, given)
    const refusal = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    setImmediate(() => this.destroy(refusal))
    return this
  }
  net.Socket.prototype.connect = recorded

  return {
    /** What was dialled since it was last asked. */
    take: (): Dial[] => dials.splice(0),
    stop(): void {
      net.Socket.prototype.connect = connect
    },
  }
}
