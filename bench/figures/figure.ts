import type { Place } from '../contenders/contender.ts'
import type { Effort } from '../options.ts'
import type { Verdict } from '../verdicts.ts'

/** What a figure is measured with. */
export interface Bench {
  place: Place
  effort: Effort
}

/** Measures one or more figures, in a process of its own. */
export type MeasureFigure = (bench: Bench) => Promise<Verdict[]>
