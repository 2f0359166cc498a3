import type { ComponentChildren } from 'preact'
import { useAction } from '../load.ts'
import { Dialog } from './Dialog.tsx'
import { ProblemNotice } from './Notice.tsx'

/** Asks before something that cannot be taken back. */
export function ConfirmDialog({
  title,
  action,
  danger = false,
  act,
  onClose,
  children,
}: {
  title: string
  /** What the button says: the thing that will happen, and not "OK". */
  action: string
  danger?: boolean
  act(): Promise<void>
  onClose(): void
  children: ComponentChildren
}) {
  const { run, busy, problem } = useAction(act)
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="body">
        {children}
        <ProblemNotice problem={problem} />
      </div>
      <footer>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class={danger ? 'danger' : 'primary'}
          disabled={busy}
          onClick={() => run()}
        >
          {action}
        </button>
      </footer>
    </Dialog>
  )
}
