import type { Check } from '../observed.ts'
import { blame } from './blame.ts'
import { bounds } from './bounds.ts'
import { delivered } from './delivered.ts'
import { duplicates } from './duplicates.ts'
import type { CheckContext } from './facts.ts'
import { fencing } from './fencing.ts'
import { invented } from './invented.ts'
import { log } from './log.ts'
import { probes } from './probes.ts'
import { schedule } from './schedule.ts'
import { signatures } from './signatures.ts'

/** All promises that a simulation holds the engine to. */
export function allChecks(context: CheckContext): Check[] {
  const checks = [
    fencing,
    log,
    duplicates,
    invented,
    delivered,
    bounds,
    schedule,
    blame,
    probes,
    signatures,
  ]
  return checks.map((check) => check(context))
}
