import { prettyBody, visible } from '../format.ts'

/** A body word for word, as text. */
export function Body({
  label,
  text,
  truncated = false,
}: {
  label: string
  /** `null` where the visitor may not see it. */
  text: string | null
  truncated?: boolean
}) {
  return (
    <div class="text">
      <h4>{label}</h4>
      {text === null && <p class="muted">You are not permitted to see this.</p>}
      {text === '' && <p class="muted">Empty.</p>}
      {!!text && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must reach it
        <section class="scroll" tabIndex={0} aria-label={label}>
          <pre>{prettyBody(text)}</pre>
        </section>
      )}
      {truncated && <p class="muted">There was more; only the first part was read.</p>}
    </div>
  )
}

/** Headers by name. */
export function HeaderList({ label, headers }: { label: string; headers: Record<string, string> }) {
  const lines = Object.entries(headers)
  return (
    <div class="text">
      <h4>{label}</h4>
      {lines.length === 0 && <p class="muted">None.</p>}
      <dl class="headers">
        {lines.map(([name, value]) => (
          <div key={name}>
            <dt>{visible(name)}</dt>
            <dd>{visible(value)}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
