/** What a conformance suite found, chapter by chapter. */

/** One part of a suite, and how its tests ended. */
export interface ConformanceChapter {
  /** As the runner prints it: the name of the `describe`. */
  name: string
  passed: number
  failed: number
  /** Tests that were not run: for want of {@link missing}, or because the runner left them out. */
  notRun: number
  /** The capabilities that were not declared and without which the chapter is not run. */
  missing: readonly string[]
}

/** What a suite proved, and what it did not. */
export interface ConformanceReport {
  chapters: readonly ConformanceChapter[]
  /** The same as a table, as it is printed by default. */
  text: string
}

/** The table of a report. */
export function formatReport(title: string, chapters: readonly ConformanceChapter[]): string {
  const width = Math.max(...chapters.map(({ name }) => name.length), 'In all'.length)
  const line = (name: string, figures: (number | string)[], note = '') =>
    [name.padEnd(width), ...figures.map((figure) => String(figure).padStart(7)), note]
      .join('  ')
      .trimEnd()
  const sum = (field: 'passed' | 'failed' | 'notRun') =>
    chapters.reduce((total, chapter) => total + chapter[field], 0)
  const failed = sum('failed')
  const unproven = chapters.filter(({ notRun }) => notRun > 0).length
  return [
    `${title}: ${verdict(failed, unproven)}`,
    '',
    line('Chapter', ['passed', 'failed', 'not run']),
    ...chapters.map(({ name, passed, failed: failures, notRun, missing }) =>
      line(name, [passed, failures, notRun], noteOf(notRun, missing)),
    ),
    line('In all', [sum('passed'), failed, sum('notRun')]),
  ].join('\n')
}

function verdict(failed: number, unproven: number): string {
  const left =
    unproven === 0 ? '' : `, ${unproven} ${unproven === 1 ? 'chapter' : 'chapters'} not proven`
  return failed === 0 ? `nothing failed${left}` : `${failed} failed${left}`
}

function noteOf(notRun: number, missing: readonly string[]): string {
  if (notRun === 0) return ''
  return missing.length === 0 ? 'left out by the runner' : `needs ${missing.join(', ')}`
}
