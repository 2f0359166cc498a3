import { parseArgs } from 'node:util'
import { type Entry, entries } from './contenders/index.ts'

/** How thorough a run is. */
export interface Effort {
  rounds: number
  /** Rounds before them, which warm up and tell how much can be done. */
  warmUps: number
  /** How long one measurement of throughput is made to last. */
  seconds: number
  /** Deliveries that wait where a large backlog is asked for. */
  backlog: number
}

export interface Options {
  chosen: Entry[]
  effort: Effort
  /** Whether the figures beside throughput are measured as well. */
  withFigures: boolean
  /** Whether bench/RESULTS.md is written: only a complete run may. */
  writesReport: boolean
}

const thorough: Effort = { rounds: 5, warmUps: 3, seconds: 1.5, backlog: 1_000_000 }
const quick: Effort = { rounds: 2, warmUps: 1, seconds: 0.4, backlog: 50_000 }

/** Of the command line: `--only postgres,bullmq`, `--quick`, `--no-figures`. */
export function readOptions(): Options {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      figures: { type: 'boolean' },
    },
  })
  const chosen = values.only === undefined ? [...entries] : values.only.split(',').map(entryOf)
  return {
    chosen,
    effort: values.quick ? quick : thorough,
    withFigures: values.figures ?? values.only === undefined,
    writesReport: values.only === undefined && values.figures !== false,
  }
}

function entryOf(name: string): Entry {
  const entry = entries.find((each) => each.name === name)
  if (entry) return entry
  const known = entries.map((each) => each.name).join(', ')
  throw new Error(`There is no contender ${name}; there are ${known}`)
}
