/** Names that lead somewhere else each time, and to several places at once. */
import { httpTransport } from '../../src/index.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { recordDials } from './dials.ts'
import { requestTo } from './request.ts'

const publicAddresses = ['93.184.215.14', '1.1.1.1', '8.8.8.8', '2606:4700:4700::1111']
const privateAddresses = [
  '127.0.0.1',
  '10.0.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '0.0.0.0',
  '168.63.129.16',
  '::1',
  '::ffff:10.0.0.1',
  '64:ff9b::a00:1',
  '2002:a00:1::1',
  'fd00::1',
  'fe80::1',
]

function createDice(seed: number) {
  const random = seededRandom(seed)
  const below = (count: number) => Math.floor(random.next() * count)
  const pick = (from: string[]) => from[below(from.length)] ?? ''
  return { below, pick, isHead: () => random.next() < 0.5 }
}

function isPrivate(address: string): boolean {
  return privateAddresses.includes(address)
}

/**
 * Sends several times to names whose every look-up may lead elsewhere. Each look-up must be judged
 * by itself, and nothing dialled but what that very look-up gave.
 *
 * @returns What went wrong, in words.
 */
export async function rebind(sequences: number, seed: number): Promise<string[]> {
  const { below, pick, isHead } = createDice(seed)
  const recorder = recordDials({ refuse: true })
  const wrong: string[] = []
  for (let sequence = 0; sequence < sequences; sequence++) {
    const answers: string[][] = []
    const lookup = async () => {
      const answer = Array.from({ length: 1 + below(3) }, () =>
        pick(isHead() ? publicAddresses : privateAddresses),
      )
      answers.push(answer)
      return answer
    }
    const transport = httpTransport({ addressGuard: { lookup } })
    const url = `${isHead() ? 'http' : 'https'}://rebind-${sequence}.test/`
    const say = (what: string) => wrong.push(`${what}: ${JSON.stringify(answers)}`)
    const lastIsBad = () => answers.at(-1)?.some(isPrivate) ?? true

    const registered = await transport.checkUrl(url).then(
      () => true,
      () => false,
    )
    if (registered === lastIsBad()) say('misjudged at registration')
    for (let turn = 0; turn < 3; turn++) {
      const { error } = await transport.send(requestTo(url))
      const dialled = recorder.take().map(({ host }) => host)
      if (answers.length !== turn + 2) say('not one look-up per connection')
      if (error?.code !== (lastIsBad() ? 'address_refused' : 'connection_refused')) {
        say(`misjudged at connect (${error?.code})`)
      }
      if (lastIsBad() ? dialled.length > 0 : dialled.length === 0) say(`dialled ${dialled}`)
      if (dialled.some((host) => !answers.at(-1)?.includes(host))) say(`unpinned ${dialled}`)
    }
    await transport.close()
  }
  recorder.stop()
  return wrong
}

/** Sends to names with public and private addresses in one answer. @returns What went wrong. */
export async function mix(count: number, seed: number): Promise<string[]> {
  const { below, pick, isHead } = createDice(seed)
  const recorder = recordDials({ refuse: true })
  const wrong: string[] = []
  for (let number = 0; number < count; number++) {
    const answer = Array.from({ length: 1 + below(5) }, () => pick(publicAddresses))
    answer.splice(below(answer.length + 1), 0, pick(privateAddresses))
    const transport = httpTransport({ addressGuard: { lookup: async () => answer } })
    const url = `${isHead() ? 'http' : 'https'}://mixed-${number}.test/`
    const registered = await transport.checkUrl(url).then(
      () => true,
      () => false,
    )
    const { error } = await transport.send(requestTo(url))
    const isRefused = !registered && error?.code === 'address_refused'
    if (!isRefused || recorder.take().length > 0) wrong.push(answer.join(' '))
    await transport.close()
  }
  recorder.stop()
  return wrong
}
