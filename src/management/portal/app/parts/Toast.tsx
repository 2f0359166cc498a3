import { useEffect, useState } from 'preact/hooks'
import { onSay } from '../say.ts'

/** What just happened. Goes away by itself; screen readers read it out. */
export function Toast() {
  const [text, setText] = useState('')
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    onSay((next) => {
      clearTimeout(timer)
      setText(next)
      timer = setTimeout(() => setText(''), 5_000)
    })
    return () => clearTimeout(timer)
  }, [])
  return (
    <div class={text === '' ? 'toast' : 'toast shown'} role="status" aria-live="polite">
      {text}
    </div>
  )
}
