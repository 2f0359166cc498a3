import { useState } from 'preact/hooks'
import { api, type Endpoint, type EndpointWithSecret } from '../api.ts'
import { visible } from '../format.ts'
import { useAction } from '../load.ts'
import { links } from '../route.ts'
import { say } from '../say.ts'
import { useCan } from '../session.ts'
import { ConfirmDialog } from './ConfirmDialog.tsx'
import { EndpointForm } from './EndpointForm.tsx'
import { ProblemNotice } from './Notice.tsx'
import { RecoverDialog } from './RecoverDialog.tsx'
import { SecretDialog } from './SecretDialog.tsx'
import { TestDialog } from './TestDialog.tsx'

type Opened = 'test' | 'edit' | 'rotate' | 'disable' | 'recover' | 'delete' | null

/** Everything that can be done with an endpoint, as far as the visitor is permitted to. */
export function EndpointActions({
  endpoint,
  onChange,
}: {
  endpoint: Endpoint
  onChange(): Promise<void>
}) {
  const can = useCan()
  const [opened, setOpened] = useState<Opened>(null)
  const [withSecret, setWithSecret] = useState<EndpointWithSecret | null>(null)
  const close = () => setOpened(null)
  const { id, url } = endpoint

  async function done(text: string): Promise<void> {
    close()
    say(text)
    await onChange()
  }
  const enable = useAction(async () => {
    await api.enable(id)
    await done('Endpoint enabled')
  })

  return (
    <>
      <div class="actions">
        {can('send') && (
          <button type="button" class="primary" onClick={() => setOpened('test')}>
            Send test
          </button>
        )}
        {can('write') && (
          <button type="button" onClick={() => setOpened('edit')}>
            Edit
          </button>
        )}
        {can('send') && (
          <button type="button" onClick={() => setOpened('recover')}>
            Recover
          </button>
        )}
        {can('write') && (
          <>
            <button type="button" onClick={() => setOpened('rotate')}>
              Rotate secret
            </button>
            {endpoint.active ? (
              <button type="button" onClick={() => setOpened('disable')}>
                Disable
              </button>
            ) : (
              <button type="button" disabled={enable.busy} onClick={() => enable.run()}>
                Enable
              </button>
            )}
            <button type="button" class="danger-quiet" onClick={() => setOpened('delete')}>
              Delete
            </button>
          </>
        )}
      </div>
      <ProblemNotice problem={enable.problem} />

      {opened === 'test' && <TestDialog endpoint={endpoint} onClose={close} />}
      {opened === 'recover' && (
        <RecoverDialog
          endpoint={endpoint}
          onClose={close}
          onDone={() => {
            close()
            void onChange()
          }}
        />
      )}
      {opened === 'edit' && (
        <EndpointForm
          endpoint={endpoint}
          onClose={close}
          save={async (input, before) => {
            await api.update(before ?? endpoint, input)
            await done('Changes saved')
          }}
        />
      )}
      {opened === 'rotate' && (
        <ConfirmDialog
          title="Rotate the secret?"
          action="Rotate secret"
          onClose={close}
          act={async () => {
            setWithSecret(await api.rotateSecret(id))
            close()
          }}
        >
          <p>
            The endpoint gets a new signing secret. Until the overlap ends, requests are signed with
            the old one as well, so that your receiver can change over without losing anything.
          </p>
        </ConfirmDialog>
      )}
      {opened === 'disable' && (
        <ConfirmDialog
          title="Disable this endpoint?"
          action="Disable endpoint"
          danger
          onClose={close}
          act={async () => {
            await api.disable(id)
            await done('Endpoint disabled')
          }}
        >
          <p>
            It receives nothing any more, and what waits for it is cancelled. You can enable it
            again and recover what it missed.
          </p>
        </ConfirmDialog>
      )}
      {opened === 'delete' && (
        <ConfirmDialog
          title="Delete this endpoint?"
          action="Delete endpoint"
          danger
          onClose={close}
          act={async () => {
            await api.delete(id)
            say('Endpoint deleted')
            location.hash = links.endpoints
          }}
        >
          <p class="mono wrap">{visible(url)}</p>
          <p>What waits for it is cancelled, and its secret is gone. This cannot be taken back.</p>
        </ConfirmDialog>
      )}
      {withSecret !== null && (
        <SecretDialog
          endpoint={withSecret}
          isNew={false}
          onClose={() => {
            setWithSecret(null)
            void onChange()
          }}
        />
      )}
    </>
  )
}
