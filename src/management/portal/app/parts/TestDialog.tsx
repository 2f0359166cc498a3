import { api, type Endpoint } from '../api.ts'
import { duration } from '../format.ts'
import { useLoaded } from '../load.ts'
import { AttemptDetails } from './AttemptDetails.tsx'
import { Dialog } from './Dialog.tsx'
import { Notice, ProblemNotice } from './Notice.tsx'
import { Skeleton } from './Skeleton.tsx'

/** Sends a test event, and shows how that went. */
export function TestDialog({ endpoint, onClose }: { endpoint: Endpoint; onClose(): void }) {
  const {
    value: attempt,
    problem,
    reload,
  } = useLoaded(`test ${endpoint.id}`, () => api.test(endpoint.id))
  return (
    <Dialog title="Test event" onClose={onClose}>
      <div class="body">
        {attempt === null && problem === null && (
          <>
            <p class="muted">Sending an event of type webhook.test and waiting for the answer…</p>
            <Skeleton />
          </>
        )}
        <ProblemNotice problem={problem} />
        {attempt?.succeeded && (
          <Notice tone="good" title="Received">
            <p>
              Your receiver answered HTTP {attempt.response?.status} after{' '}
              {duration(attempt.durationMs)}.
            </p>
          </Notice>
        )}
        {attempt !== null && <AttemptDetails attempt={attempt} open={!attempt.succeeded} />}
      </div>
      <footer>
        <button type="button" onClick={reload}>
          Send again
        </button>
        <button type="button" class="primary" onClick={onClose}>
          Done
        </button>
      </footer>
    </Dialog>
  )
}
