import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'

/** A dialog above the page. The browser keeps the focus in it, and gives it back. */
export function Dialog({
  title,
  onClose,
  mustAnswer = false,
  children,
}: {
  title: string
  onClose(): void
  /** Whether Escape leaves it open. Default false. */
  mustAnswer?: boolean
  children: ComponentChildren
}) {
  const ref = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  // Not after the next paint: a key pressed before it would reach the page below.
  useLayoutEffect(() => {
    const dialog = ref.current
    const before = document.activeElement
    dialog?.showModal()
    // Not the cross, which comes first.
    dialog?.querySelector<HTMLElement>('.body :is(input, select), footer button')?.focus()
    return () => {
      dialog?.close()
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        if (!mustAnswer) onClose()
      }}
    >
      <header>
        <h2 id={titleId}>{title}</h2>
        {!mustAnswer && (
          <button type="button" class="icon" aria-label="Close" onClick={onClose}>
            <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
              <path d="m4 4 8 8m0-8-8 8" />
            </svg>
          </button>
        )}
      </header>
      {children}
    </dialog>
  )
}
