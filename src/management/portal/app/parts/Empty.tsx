import type { ComponentChildren } from 'preact'

/** Where nothing is, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <svg viewBox="0 0 48 32" width="60" height="40" aria-hidden="true">
        <path d="M4 16h22m0 0-6-6m6 6-6 6" />
        <circle cx="38" cy="16" r="6" />
      </svg>
      <h3>{title}</h3>
      {children}
    </div>
  )
}
