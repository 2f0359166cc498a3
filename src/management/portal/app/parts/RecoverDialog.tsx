import { useState } from 'preact/hooks'
import { api, type Endpoint, type RecoverInput } from '../api.ts'
import { count, plural } from '../format.ts'
import { useAction, useLoaded } from '../load.ts'
import { periodStart, periods } from '../periods.ts'
import { say } from '../say.ts'
import { Dialog } from './Dialog.tsx'
import { ProblemNotice } from './Notice.tsx'

const choices = [
  ['failed', 'What failed or was cancelled'],
  ['missing', 'What was never tried, because it was off or did not exist yet'],
  ['all', 'Both'],
] as const

/** Sends again what an endpoint did not get. Counts first, and sends only what was counted. */
export function RecoverDialog({
  endpoint,
  onDone,
  onClose,
}: {
  endpoint: Endpoint
  onDone(): void
  onClose(): void
}) {
  const [period, setPeriod] = useState<string>('24h')
  const [only, setOnly] = useState<RecoverInput['only']>('failed')
  const input = (dryRun: boolean): RecoverInput => ({
    since: periodStart(period) ?? new Date().toISOString(),
    only,
    dryRun,
  })
  const preview = useLoaded(`recover ${period} ${only}`, () =>
    api.recover(endpoint.id, input(true)),
  )
  const { run, busy, problem } = useAction(async () => {
    const { failed, missing } = await api.recover(endpoint.id, input(false))
    say(`${plural(failed + missing, 'delivery', 'deliveries')} queued`)
    onDone()
  })
  const found = preview.value
  const total = found === null ? 0 : found.failed + found.missing

  return (
    <Dialog title="Recover deliveries" onClose={onClose}>
      <div class="body">
        <label class="field">
          <span>Time</span>
          <select value={period} onChange={(event) => setPeriod(event.currentTarget.value)}>
            {periods.map(({ name, label }) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <fieldset>
          <legend>Send again</legend>
          {choices.map(([value, label]) => (
            <label key={value} class="choice">
              <input
                type="radio"
                name="only"
                checked={only === value}
                onChange={() => setOnly(value)}
              />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
        <div class="preview" role="status">
          {found === null && preview.problem === null && 'Counting…'}
          {found !== null &&
            (total === 0 ? (
              'Nothing to send again in this time.'
            ) : (
              <>
                <strong>{plural(total, 'delivery', 'deliveries')}</strong> would be sent now:{' '}
                {count(found.failed)} that failed or were cancelled, {count(found.missing)} that
                were never tried.
              </>
            ))}
        </div>
        <ProblemNotice problem={problem ?? preview.problem} />
      </div>
      <footer>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="primary" disabled={busy || total === 0} onClick={() => run()}>
          {total === 0 ? 'Send again' : `Send ${plural(total, 'delivery', 'deliveries')} again`}
        </button>
      </footer>
    </Dialog>
  )
}
