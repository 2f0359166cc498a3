import type { $ZodIssue } from 'zod/v4/core'
import type { WebhooksErrorIssue } from '../errors.ts'

/** How many findings an error carries: a list of a million bad elements must not become one. */
const maxIssues = 100

type Path = (string | number)[]

/** Zod's findings as ours, the findings inside unions, records and maps included. */
export function toIssues(zodIssues: readonly $ZodIssue[]): WebhooksErrorIssue[] {
  const issues: WebhooksErrorIssue[] = []
  collect(zodIssues, [], issues)
  return issues
}

function collect(zodIssues: readonly $ZodIssue[], at: Path, issues: WebhooksErrorIssue[]): void {
  for (const issue of zodIssues) {
    if (issues.length >= maxIssues) return
    const path = [...at, ...issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))]
    const inner = innerIssues(issue)
    if (inner.length > 0) collect(inner, path, issues)
    else issues.push({ path, message: issue.message })
  }
}

/**
 * What lies beneath an issue that only says "invalid". Of a union's alternatives that is the one
 * that came nearest: the fewest findings, the deepest where that is a tie.
 */
function innerIssues(issue: $ZodIssue): readonly $ZodIssue[] {
  if (issue.code === 'invalid_key' || issue.code === 'invalid_element') return issue.issues
  if (issue.code !== 'invalid_union') return []
  const [nearest] = [...issue.errors].sort(
    (one, other) => one.length - other.length || depth(other) - depth(one),
  )
  return nearest ?? []
}

function depth(issues: readonly $ZodIssue[]): number {
  return Math.max(0, ...issues.slice(0, maxIssues).map((issue) => issue.path.length))
}
