import type { EndpointWithSecret } from '../api.ts'
import { CopyText } from './CopyText.tsx'
import { Dialog } from './Dialog.tsx'

/** The one look at a secret. Escape does not close it: it would be gone. */
export function SecretDialog({
  endpoint,
  isNew,
  onClose,
}: {
  endpoint: EndpointWithSecret
  isNew: boolean
  onClose(): void
}) {
  return (
    <Dialog title={isNew ? 'Endpoint created' : 'Secret rotated'} mustAnswer onClose={onClose}>
      <div class="body">
        <p>
          This is the signing secret of the endpoint. Store it where your receiver reads it:{' '}
          <strong>it is shown this once.</strong>
        </p>
        <CopyText label="Signing secret" text={endpoint.secret} />
        <p class="muted">
          {isNew
            ? 'With it your receiver verifies that a request is from us (header webhook-signature).'
            : 'The old secret signs beside it for a while, so that you can change over without a gap.'}
        </p>
      </div>
      <footer>
        <button type="button" class="primary" onClick={onClose}>
          I have stored it
        </button>
      </footer>
    </Dialog>
  )
}
