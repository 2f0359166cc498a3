import type { CrashPoint } from './crash-points.ts'
import type { EmitMode } from './journal.ts'
import type { Mutant } from './mutants.ts'
import type { Promised } from './verdict.ts'

/** A place to die, and what the processes do that die there. */
export interface Step extends Omit<CrashPoint, 'call'> {
  /** They die at one of these calls, the first and the last of them. Default 1 to 4. */
  calls?: readonly [number, number]
  /** How they emit; by default each event has a way of its own. */
  mode?: EmitMode
  /** Whether their database is without our tables: the first to open it makes them. */
  isNew?: boolean
  mutant?: Mutant
}

const sides = ['before', 'after'] as const

/** Every step of an event's way, from both sides. */
export const steps: readonly Step[] = sides.flatMap((when): Step[] => [
  { step: 'open', when, isNew: true, calls: [1, 1] },
  { step: 'insertEvents', when, mode: 'plain' },
  { step: 'insertEvents', when, mode: 'keyed' },
  { step: 'insertEvents', when, mode: 'commit' },
  { step: 'transact', when, mode: 'commit' },
  { step: 'claimEvents', when },
  { step: 'listSubscribers', when },
  { step: 'fanOut', when },
  { step: 'claimDeliveries', when },
  { step: 'send', when, calls: [1, 12] },
  { step: 'settleDeliveries', when },
  { step: 'recordHealth', when, calls: [1, 1] },
])

/** Any statement at all: while the tables are made, and in the middle of the work. */
export const statementSteps: readonly Step[] = [
  { step: 'statement', when: 'before', isNew: true, calls: [1, 30] },
  { step: 'statement', when: 'before', calls: [1, 600] },
]

/** Mistakes, each where it shows, with the promise that it breaks. */
export const mistakes: readonly (Step & { mutant: Mutant; breaks: Promised })[] = [
  {
    mutant: 'emitsTooEarly',
    breaks: 'nothing is lost',
    ...{ step: 'insertEvents', when: 'before', mode: 'plain', calls: [1, 1] },
  },
  {
    mutant: 'commitsForTheCaller',
    breaks: 'nothing comes from nowhere',
    ...{ step: 'fanOut', when: 'after', mode: 'rollback', calls: [5, 5] },
  },
  {
    mutant: 'claimsForEver',
    breaks: 'nothing is lost',
    ...{ step: 'claimDeliveries', when: 'after' },
  },
  {
    mutant: 'fansOutForEver',
    breaks: 'nothing is lost',
    ...{ step: 'listSubscribers', when: 'before' },
  },
  {
    mutant: 'fansOutInTwoSteps',
    breaks: 'nothing is lost',
    ...{ step: 'insertDeliveries', when: 'before' },
  },
  {
    mutant: 'settlesTooEarly',
    breaks: 'only a kill repeats a request',
    ...{ step: 'settleDeliveries', when: 'before' },
  },
  {
    mutant: 'reformatsBodies',
    breaks: 'an event is always the same bytes, signed',
    ...{ step: 'send', when: 'after' },
  },
  {
    mutant: 'miscountsAttempts',
    breaks: 'the log tells what happened',
    ...{ step: 'send', when: 'after', calls: [40, 40] },
  },
]

/** One word for a step, also for its endpoints' paths. */
export function nameOf({ step, when, mode, isNew, mutant }: Step): string {
  return [mutant, step, when, mode, isNew ? 'new' : undefined].filter(Boolean).join('-')
}
