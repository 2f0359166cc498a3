import type { ComponentChildren } from 'preact'
import type { Attempt } from '../api.ts'
import { explain } from '../failures.ts'
import { visible } from '../format.ts'

/** Why an attempt failed: what happened, whose fault it was, and what can be done. */
export function FailureNotice({
  error,
  status,
  next,
}: {
  error: NonNullable<Attempt['error']>
  status: number | null | undefined
  /** What happens next. */
  next?: ComponentChildren
}) {
  const { title, what, fault, advice } = explain(error, status)
  return (
    <section class="failure" aria-label="Why it failed">
      <h3>{title}</h3>
      <dl>
        <dt>What happened</dt>
        <dd>
          {what}
          <small>{visible(error.message)}</small>
        </dd>
        <dt>Whose fault</dt>
        <dd>{fault}</dd>
        <dt>What you can do</dt>
        <dd>{advice}</dd>
        {next !== undefined && (
          <>
            <dt>What comes next</dt>
            <dd>{next}</dd>
          </>
        )}
      </dl>
    </section>
  )
}
