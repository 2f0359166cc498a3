import type { ComponentChildren } from 'preact'
import type { Problem } from '../api.ts'
import { visible } from '../format.ts'

/** Something that the visitor should know. */
export function Notice({
  tone,
  title,
  children,
}: {
  tone: 'bad' | 'warn' | 'quiet' | 'good'
  title: string
  children?: ComponentChildren
}) {
  return (
    <div class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : undefined}>
      <strong>{title}</strong>
      {children}
    </div>
  )
}

/** Why something did not work, in words, with the way out. */
export function ProblemNotice({
  problem,
  title = 'That did not work',
  retry,
}: {
  problem: Problem | null
  title?: string
  retry?: () => void
}) {
  if (problem === null) return null
  const isSignedOut = problem.code === 'unauthorized'
  return (
    <Notice tone="bad" title={title}>
      <p>{visible(problem.message)}</p>
      {problem.code === 'version_mismatch' && <p>Close this form and open it again.</p>}
      {isSignedOut && (
        <button type="button" class="small" onClick={() => location.reload()}>
          Reload
        </button>
      )}
      {retry !== undefined && !isSignedOut && (
        <button type="button" class="small" onClick={retry}>
          Try again
        </button>
      )}
    </Notice>
  )
}
