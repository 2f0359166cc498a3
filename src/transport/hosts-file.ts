/**
 * The hosts file: where self-hosters and containers have names that no name server knows. It is
 * read as any file, so that nothing of it goes through `dns.lookup` and its queue.
 */
import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'

/** Addresses that the file gives a name; none where it does not hold it. */
export type HostsFile = (hostname: string) => Promise<readonly string[]>

/** How long what was read counts before anybody looks whether the file has changed. */
const restMs = 1_000

/** Where the system has it. */
function systemHostsPath(): string {
  if (process.platform !== 'win32') return '/etc/hosts'
  return join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'drivers', 'etc', 'hosts')
}

/** Reads a hosts file when first asked, and again when it has changed. One that is missing is empty. */
export function createHostsFile(path = systemHostsPath()): HostsFile {
  let names = new Map<string, string[]>()
  let version = ''
  let lookedAt = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | null = null

  async function look(): Promise<void> {
    try {
      const { mtimeMs, size, ino } = await stat(path)
      const found = `${mtimeMs} ${size} ${ino}`
      if (found !== version) names = parseHosts(await readFile(path, 'utf8'))
      version = found
    } catch {
      names = new Map()
      version = ''
    }
    lookedAt = performance.now()
    looking = null
  }

  return async (hostname) => {
    if (performance.now() - lookedAt >= restMs) {
      looking ??= look()
      await looking
    }
    return names.get(hostname) ?? []
  }
}

/** One line per address, its names behind it; the rest of a line after `#` is a comment (hosts(5)). */
function parseHosts(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...hosts] = (line.split('#', 1)[0] ?? '').trim().split(/\s+/)
    if (isIP(address) === 0) continue
    for (const host of hosts) {
      const name = host.toLowerCase().replace(/\.$/, '')
      names.set(name, [...(names.get(name) ?? []), address])
    }
  }
  return names
}
