import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'

/** The title of a view. It takes the focus, so that keyboard and screen reader start at the top. */
export function Heading({ title, children }: { title: string; children: ComponentChildren }) {
  const ref = useRef<HTMLHeadingElement>(null)
  // Not after the next paint: whoever has pressed Tab by then would be thrown back.
  useLayoutEffect(() => {
    document.title = `${title} · ${portalTitle}`
    ref.current?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [title])
  return (
    <h1 ref={ref} tabIndex={-1}>
      {children}
    </h1>
  )
}

/** What the host calls the page. */
export const portalTitle =
  document.querySelector<HTMLMetaElement>('meta[name=application-name]')?.content ?? 'Webhooks'
