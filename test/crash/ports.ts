/** Ways to stand between the engine and its ports, without a hook in either. */
import type { Storage } from '../../src/storage/storage.ts'
import type { Transport } from '../../src/transport/transport.ts'

/** What the engine of a child process works with. */
export interface Ports {
  storage: Storage<unknown>
  transport: Transport
}

/** A port on which the named methods are replaced. */
export function override<Port extends object>(port: Port, methods: Partial<Port>): Port {
  return new Proxy(port, {
    get(target, name) {
      const method: unknown = methods[name as keyof Port] ?? Reflect.get(target, name as keyof Port)
      return typeof method === 'function' ? method.bind(target) : method
    },
  })
}

/** A port of which the named method is called through `around`. */
export function surround<Port extends object>(
  port: Port,
  name: string,
  around: (call: () => Promise<unknown>) => Promise<unknown>,
): Port {
  const method = Reflect.get(port, name) as (...given: unknown[]) => Promise<unknown>
  const surrounded = (...given: unknown[]) => around(() => method.apply(port, given))
  return override(port, { [name]: surrounded } as Partial<Port>)
}
