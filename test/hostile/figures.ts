/**
 * `npm run figures`: what is promised about hostile networks and receivers, measured in processes
 * of their own. Prints a table; exits with 1 if a figure is missed.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { promisify } from 'node:util'
import { disagreementsAtEdges, disagreementsAtRandom } from './addresses.ts'
import { tryCollectedCases } from './collected.ts'
import { mix, rebind } from './names.ts'

interface Figure {
  what: string
  measured: string
  bar: string
  isMet: boolean
}

/** Runs a script of this folder. @returns What it reports. */
async function measure<Names extends string>(
  script: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Record<Names, number>> {
  const file = new URL(`./figures/${script}.ts`, import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', file], {
    env: { ...process.env, ...env },
    timeout: 120_000,
  })
  return JSON.parse(stdout)
}

function none(what: string, wrong: string[]): Figure {
  const isMet = wrong.length === 0
  const measured = isMet ? 'none' : `${wrong.length}, such as ${wrong.slice(0, 3).join('; ')}`
  return { what, measured, bar: 'none', isMet }
}

function atMost(what: string, value: number, bar: number, unit: string): Figure {
  const measured = `${value.toFixed(1)} ${unit}`
  return { what, measured, bar: `at most ${bar} ${unit}`, isMet: value <= bar }
}

async function collectedCases(): Promise<Figure> {
  const { tried, wrong } = await tryCollectedCases()
  return none(`${tried} collected URLs at registration and at connect: misjudged`, wrong)
}

async function addresses(): Promise<Figure[]> {
  const { asked, wrong } = await disagreementsAtEdges()
  const count = 1_000_000
  return [
    none(`${asked} addresses at the edges of IANA's ranges: guard and oracle differ`, wrong),
    none(
      `${count} random addresses: guard and oracle differ`,
      await disagreementsAtRandom(count, 2),
    ),
  ]
}

async function names(): Promise<Figure[]> {
  return [
    none('1000 rebinding sequences: private connections and misjudgements', await rebind(1_000, 2)),
    none('1000 mixed answers: private connections and misjudgements', await mix(1_000, 2)),
  ]
}

async function redirects(): Promise<Figure> {
  let proxied = 0
  const proxy = net.createServer((socket) => {
    proxied++
    socket.destroy()
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const url = `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`
  const variables = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']
  const env = Object.fromEntries(
    variables.flatMap((name) => [name, name.toLowerCase()].map((spelling) => [spelling, url])),
  )
  const { shapes, sent, elsewhere } = await measure<'shapes' | 'sent' | 'elsewhere'>('redirects', {
    ...env,
    NO_PROXY: '',
    no_proxy: '',
    NODE_USE_ENV_PROXY: '1',
  })
  proxy.close()
  const what = `${shapes} redirect shapes over http and https, proxy variables set: other connections`
  const isMet = proxied + elsewhere === 0 && sent >= 2 * shapes - 2
  return { what, measured: `${proxied + elsewhere} beside ${sent} requests`, bar: 'none', isMet }
}

async function attempts(): Promise<Figure[]> {
  const { kinds, overrunMs, open } = await measure<'kinds' | 'overrunMs' | 'open'>('attempts')
  return [
    atMost(
      `${kinds} hostile attempts at once: the latest after its deadline, best of 3 rounds`,
      overrunMs,
      250,
      'ms',
    ),
    atMost('sockets and look-ups open after stop()', open, 0, ''),
  ]
}

async function memory(): Promise<Figure> {
  const { concurrent, grownMb } = await measure<'concurrent' | 'grownMb'>('memory')
  const what = `${concurrent} endless, bomb and drip answers at once: resident memory grows by`
  return atMost(what, grownMb, 32, 'MiB')
}

async function deadNameServers(): Promise<Figure> {
  const { endpoints, slowestMs } = await measure<'endpoints' | 'slowestMs'>('dead-name-servers')
  const what = `${endpoints} endpoints on dead name servers: slowest dns.lookup('localhost'), best of 4 rounds`
  return atMost(what, slowestMs, 20, 'ms')
}

const figures: Figure[] = []
for (const part of [
  attempts,
  memory,
  deadNameServers,
  redirects,
  collectedCases,
  names,
  addresses,
]) {
  figures.push(...[await part()].flat())
}

console.log(`Node ${process.version}\n`)
console.log('| what | measured | bar | |')
console.log('| --- | --- | --- | --- |')
for (const { what, measured, bar, isMet } of figures) {
  console.log(`| ${what} | ${measured.trim()} | ${bar.trim()} | ${isMet ? 'met' : '**missed**'} |`)
}
process.exitCode = figures.every(({ isMet }) => isMet) ? 0 : 1
