import { useState } from 'preact/hooks'
import { api, type Endpoint, type EndpointInput } from '../api.ts'
import { useAction, useLoaded } from '../load.ts'
import { Dialog } from './Dialog.tsx'
import { EventPicker } from './EventPicker.tsx'
import { Notice, ProblemNotice } from './Notice.tsx'
import { Skeleton } from './Skeleton.tsx'

/** Codes that are about the URL, so that the field is marked. */
const urlCodes = ['invalid_url', 'address_refused']

/** Creates an endpoint, or changes one. */
export function EndpointForm({
  endpoint,
  save,
  onClose,
}: {
  /** The one to change; `null` for a new one. */
  endpoint: Endpoint | null
  /** @param before - The endpoint as the form shows it: it may have been changed meanwhile. */
  save(input: EndpointInput, before: Endpoint | null): Promise<void>
  onClose(): void
}) {
  // The page goes on loading it behind the form.
  const [before] = useState(endpoint)
  const [url, setUrl] = useState(endpoint?.url ?? '')
  const [description, setDescription] = useState(endpoint?.description ?? '')
  const [events, setEvents] = useState(endpoint?.events ?? ['*'])
  const types = useLoaded('event-types', api.eventTypes)
  const { run, busy, problem } = useAction(() =>
    save({ url: url.trim(), description, events }, before),
  )
  const badUrl =
    problem !== null &&
    (urlCodes.includes(problem.code) || problem.issues.some(({ path }) => path[0] === 'url'))
  const noEvents = events.length === 0

  return (
    <Dialog title={endpoint === null ? 'Add endpoint' : 'Edit endpoint'} onClose={onClose}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          if (!noEvents) void run()
        }}
      >
        <div class="body">
          <ProblemNotice problem={problem} title="Not saved" />
          <label class="field">
            <span>URL</span>
            <input
              type="url"
              required
              autoComplete="off"
              spellcheck={false}
              placeholder="https://example.com/webhooks"
              aria-invalid={badUrl}
              value={url}
              onInput={(event) => setUrl(event.currentTarget.value)}
            />
            <small>We send a signed POST there for each event.</small>
          </label>
          <label class="field">
            <span>
              Description <small>optional</small>
            </span>
            <input
              type="text"
              maxLength={1000}
              value={description}
              onInput={(event) => setDescription(event.currentTarget.value)}
            />
          </label>
          {types.value === null && types.problem === null && <Skeleton />}
          <ProblemNotice problem={types.problem} retry={types.reload} title="No event types" />
          {types.value !== null && (
            <EventPicker types={types.value.items} value={events} onChange={setEvents} />
          )}
          {noEvents && <Notice tone="warn" title="Choose at least one event." />}
        </div>
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy || noEvents}>
            {endpoint === null ? 'Create endpoint' : 'Save changes'}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}
