import { mkdirSync, writeFileSync } from 'node:fs'
import type { RandomKillsReport } from './random-kills.ts'
import type { StepReport } from './step-kills.ts'
import type { Figures } from './verdict.ts'

const folder = new URL('../../test-results/crash/', import.meta.url)

/** Keeps a report as `test-results/crash/<name>.json`. */
export function keepReport(name: string, report: object): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(report, null, 2)}\n`)
}

export function describeRandomKills(report: RandomKillsReport): string {
  const { run, kills, durationMs } = report
  return [
    `${run.store}, seed ${run.seed}: ${run.events} events to ${run.endpoints} endpoints by ` +
      `${run.emitters} emitters and ${run.workers} workers in ${Math.round(durationMs / 1000)} s`,
    `  killed ${kills.workers} workers, ${kills.emitters} emitters and ${kills.servers} servers`,
    ...describeFigures(report.figures),
    ...faults(report),
  ].join('\n')
}

export function describeSteps(reports: StepReport[]): string {
  return reports
    .flatMap(({ step, deaths, ...report }) => [
      `${step}: ${deaths} died`,
      ...describeFigures(report.figures),
      ...faults(report),
    ])
    .join('\n')
}

function describeFigures(figures: Figures): string[] {
  const { committed, rolledBack, unknown, refused, owed, requests, declined } = figures
  return [
    `  emits: ${committed} committed, ${rolledBack} rolled back, ${unknown} cut short, ` +
      `${refused} refused`,
    `  owed ${owed}, requests ${requests} (${declined} declined by the receiver)`,
    `  lost ${figures.lost}, in flight at the kills ${figures.inFlightAtKills}, forgotten by a ` +
      `server ${figures.forgotten}, answered too late or never ${figures.unanswered}, duplicates ` +
      `${figures.duplicates} (${(figures.duplicateShare * 100).toFixed(2)} % of what was owed)`,
  ]
}

function faults({ breaches, accidents }: Pick<StepReport, 'breaches' | 'accidents'>): string[] {
  const shown = breaches.slice(0, 20).map(({ promise, what }) => `  BROKEN: ${promise}: ${what}`)
  if (breaches.length > 20) shown.push(`  and ${breaches.length - 20} more`)
  return [...shown, ...accidents.map((accident) => `  ACCIDENT: ${accident}`)]
}
