import { useEffect, useState } from 'preact/hooks'
import { exact, fromNow } from '../format.ts'

/** An instant, told from now; exactly when one points at it. */
export function Time({ at }: { at: string }) {
  const now = useNow()
  const instant = new Date(at)
  return (
    <time dateTime={at} title={exact(instant)}>
      {fromNow(instant, now)}
    </time>
  )
}

/** The time, fresh enough for people. */
function useNow(): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5_000)
    return () => clearInterval(timer)
  }, [])
  return Math.max(now, Date.now() - 5_000)
}
