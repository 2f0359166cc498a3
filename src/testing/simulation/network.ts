import type { AttemptError } from '../../model.ts'
import type { Transport, TransportRequest, TransportResult } from '../../transport/transport.ts'
import type { Incarnation } from './incarnation.ts'
import type { AskedWait, SentRequest } from './observed.ts'
import { drawFate, drawMood, type Fate, type Mood } from './receivers.ts'
import type { Scenario } from './scenario.ts'
import type { Owner, World } from './world.ts'

/** What the network needs of the simulation around it. */
export interface NetworkSurroundings {
  world: World
  scenario: Scenario
  isStormy: () => boolean
  onSend: (by: Incarnation, request: TransportRequest) => SentRequest
  onEnd: (sent: SentRequest) => void
}

const timedOut: AttemptError = {
  code: 'timeout',
  origin: 'network',
  message: 'simulated: no answer came in time',
}
const aborted: AttemptError = {
  code: 'aborted',
  origin: 'sender',
  message: 'simulated: the engine gave up',
}

/** What lies between all processes and all receivers. It outlives every process. */
export class Network implements Owner {
  readonly alive = true
  readonly #around: NetworkSurroundings
  readonly #moods = new Map<string, Mood>()

  constructor(around: NetworkSurroundings) {
    this.#around = around
  }

  /** Lets a receiver become well or sick. */
  changeMood(url: string): void {
    const { world, scenario } = this.#around
    const mood = scenario.sickReceivers ? drawMood(world.dice) : 'well'
    world.story.tell('network', () => `${url} becomes ${mood}`)
    this.#moods.set(url, mood)
  }

  /** The network as one process sees it. */
  transportOf(by: Incarnation): Transport {
    return {
      send: (request) => this.#send(by, request),
      checkUrl: async () => {},
      close: async () => {},
    }
  }

  async #send(by: Incarnation, request: TransportRequest): Promise<TransportResult> {
    const { world, scenario, isStormy, onSend, onEnd } = this.#around
    const dies = isStormy() && world.dice.chance(scenario.crashes)
    if (dies && world.dice.chance(0.5)) return die('before it sends')
    const sent = onSend(by, request)
    const fate = this.#fateOf(request)
    this.#letArrive(sent, fate)
    if (dies) return die('after it sent')
    const { result, asked } = await this.#end(by, request, fate)
    sent.endedAt = world.nowMs
    sent.endedClock = by.clockMs()
    sent.result = result
    sent.asked = asked
    onEnd(sent)
    return result

    function die(where: string): Promise<never> {
      by.crash(where)
      return new Promise(() => {})
    }
  }

  #fateOf({ url, timeoutMs }: TransportRequest): Fate {
    const { world, isStormy } = this.#around
    const mood = isStormy() ? (this.#moods.get(url) ?? 'well') : 'well'
    return drawFate(mood, world.dice, timeoutMs, world.nowMs)
  }

  /** Whoever sent it may be dead by then: what is on its way arrives. */
  #letArrive(sent: SentRequest, { arrivesAfterMs }: Fate): void {
    const { world } = this.#around
    if (arrivesAfterMs === null) return
    world.plan(this, arrivesAfterMs, () => {
      sent.arrivedAt = world.nowMs
      world.story.tell('network', () => `${sent.eventId} arrives at ${sent.request.url}`)
    })
  }

  /** The end of a request as its sender hears it, by its deadline whatever happens. */
  #end(
    by: Incarnation,
    { timeoutMs, signal }: TransportRequest,
    fate: Fate,
  ): Promise<{ result: TransportResult; asked: AskedWait }> {
    const { world } = this.#around
    return new Promise((resolve) => {
      const inTime = fate.endsAfterMs < timeoutMs
      const cancel = world.plan(by, inTime ? fate.endsAfterMs : timeoutMs, () => {
        const { response, error, asked } = fate
        if (inTime) resolve({ result: { response, error }, asked })
        else if (fate.headCame && response !== null) {
          resolve({ result: { response: { ...response, bodyTruncated: true }, error }, asked })
        } else resolve({ result: { response: null, error: timedOut }, asked: null })
      })
      const giveUp = () => {
        cancel()
        resolve({ result: { response: null, error: aborted }, asked: null })
      }
      if (signal.aborted) giveUp()
      signal.addEventListener('abort', giveUp)
    })
  }
}
