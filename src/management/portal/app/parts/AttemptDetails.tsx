import type { Attempt } from '../api.ts'
import { duration, visible } from '../format.ts'
import { AttemptBadge } from './Badge.tsx'
import { Body, HeaderList } from './Body.tsx'
import { FailureNotice } from './FailureNotice.tsx'
import { Time } from './Time.tsx'

/** One request and what came back. */
export function AttemptDetails({
  attempt,
  open,
  explained = true,
}: {
  attempt: Attempt
  open: boolean
  /** Whether it says why it failed. `false` where that stands beside it. Default true. */
  explained?: boolean
}) {
  const { response, error } = attempt
  return (
    <details class="attempt" open={open}>
      <summary>
        <span class="number">Attempt {attempt.number}</span>
        <AttemptBadge attempt={attempt} />
        <span class="muted">{response === null ? 'no answer' : `HTTP ${response.status}`}</span>
        <span class="muted">{duration(attempt.durationMs)}</span>
        <span class="muted end">
          <Time at={attempt.startedAt} />
        </span>
      </summary>
      <div class="exchange">
        {error !== null && explained && <FailureNotice error={error} status={response?.status} />}
        <div class="columns">
          <section aria-label={`Request of attempt ${attempt.number}`}>
            <h3>Request</h3>
            <p class="mono wrap">POST {visible(attempt.url)}</p>
            <HeaderList label="Request headers" headers={attempt.requestHeaders} />
          </section>
          <section aria-label={`Response of attempt ${attempt.number}`}>
            <h3>Response</h3>
            {response === null ? (
              <p class="muted">No answer came back.</p>
            ) : (
              <>
                <p class="mono wrap">HTTP {response.status}</p>
                <HeaderList label="Response headers" headers={response.headers} />
                <Body
                  label="Response body"
                  text={response.body}
                  truncated={response.bodyTruncated}
                />
              </>
            )}
          </section>
        </div>
      </div>
    </details>
  )
}
