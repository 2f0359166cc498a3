import type { Endpoint } from '../api.ts'
import { plural } from '../format.ts'
import { Notice } from './Notice.tsx'
import { Time } from './Time.tsx'

/** What is special about the state of an endpoint, in words. */
export function EndpointNotes({ endpoint }: { endpoint: Endpoint }) {
  const { active, disabledReason, disabledAt, pausedUntil, failingSince, failedAttempts } = endpoint
  if (!active) {
    const when = disabledAt !== null && <Time at={disabledAt} />
    if (disabledReason === 'gone') {
      return (
        <Notice tone="bad" title="Switched off: the receiver answered 410 Gone">
          <p>
            That means it wants no more events ({when}). If that was a mistake, enable it and
            recover what it missed.
          </p>
        </Notice>
      )
    }
    if (disabledReason === 'failing') {
      return (
        <Notice tone="bad" title="Switched off: nothing got through for days">
          <p>
            That was {when}. Put the receiver right, send a test, enable it, and recover what it
            missed.
          </p>
        </Notice>
      )
    }
    return (
      <Notice tone="quiet" title="Disabled">
        <p>Somebody switched it off {when}. It receives nothing until it is enabled.</p>
      </Notice>
    )
  }
  const isPaused = pausedUntil !== null && new Date(pausedUntil).getTime() > Date.now()
  if (!isPaused && failingSince === null) return null
  return (
    <Notice tone="warn" title={isPaused ? 'Paused for a while' : 'Failing'}>
      {failingSince !== null && (
        <p>
          {plural(failedAttempts, 'attempt')} failed since the last success, the first{' '}
          <Time at={failingSince} />. After some days without a success it is switched off.
        </p>
      )}
      {isPaused && (
        <p>
          Next request <Time at={pausedUntil} />: the receiver asked us to wait, or keeps failing.
        </p>
      )}
    </Notice>
  )
}
