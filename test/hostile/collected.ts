/** The collected cases of URLs that lead where they must not, over http and over https. */
import { httpTransport } from '../../src/index.ts'
import cases from '../cases/ssrf.json' with { type: 'json' }
import { recordDials } from './dials.ts'
import { requestTo } from './request.ts'

interface Case {
  id: string
  url: string
  expect: string
  layer: string
  dns?: Record<string, string[]>
  dnsSequence?: Record<string, string[][]>
  dnsError?: string
}

/** A name server that knows what a case says, and nothing else. */
function createLookup({ dns = {}, dnsSequence = {}, dnsError }: Case) {
  let asked = 0
  return async (hostname: string): Promise<string[]> => {
    if (dnsError !== undefined) throw Object.assign(new Error(dnsError), { code: dnsError })
    const sequence = dnsSequence[hostname]
    const answer = sequence
      ? sequence[Math.min(asked++, sequence.length - 1)]
      : (dns[hostname] ?? dns[`${hostname}.`])
    if (answer === undefined) throw Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' })
    return answer
  }
}

/** What a case comes to: allowed at registration, and what was dialled by three attempts. */
async function outcomeOf(one: Case, url: string, recorder: ReturnType<typeof recordDials>) {
  const transport = httpTransport({ addressGuard: { lookup: createLookup(one) } })
  const isAllowed = await transport.checkUrl(url).then(
    () => true,
    () => false,
  )
  for (let turn = 0; turn < 3; turn++) await transport.send(requestTo(url))
  await transport.close()
  return { isAllowed, dialled: recorder.take().map(({ host }) => host) }
}

/** @returns How many were tried, each at registration and at connect, and which went wrong. */
export async function tryCollectedCases(): Promise<{ tried: number; wrong: string[] }> {
  const recorder = recordDials({ refuse: true })
  const wrong: string[] = []
  let tried = 0
  for (const one of cases as unknown as Case[]) {
    const spellings = /^https?:/i.test(one.url)
      ? ['http:', 'https:'].map((scheme) => one.url.replace(/^https?:/i, scheme))
      : [one.url]
    for (const url of spellings) {
      tried++
      const { isAllowed, dialled } = await outcomeOf(one, url, recorder)
      const answers = [
        ...Object.values(one.dns ?? {}),
        ...Object.values(one.dnsSequence ?? {}),
      ].flat(2)
      const isFine =
        one.layer === 'redirect' || one.dnsSequence
          ? // Public until it redirects, or until it is rebound.
            dialled.every((host) => answers.includes(host) && isPublicHere(host))
          : one.expect === 'allow'
            ? isAllowed && dialled.length > 0
            : !isAllowed && dialled.length === 0
      if (!isFine) wrong.push(`${one.id} ${url}`)
    }
  }
  recorder.stop()
  return { tried, wrong }
}

/** The public addresses of the cases whose name is rebound or redirects. */
function isPublicHere(host: string): boolean {
  return ['93.184.215.14', '1.2.3.4'].includes(host)
}
