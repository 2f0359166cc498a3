import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { Problem } from './api.ts'

/** Something that is read from the API, and read again from time to time. */
export interface Loaded<Value> {
  /** The newest answer; `null` before the first. Stays while a later reading fails. */
  value: Value | null
  problem: Problem | null
  /** Reads again now. */
  reload(): Promise<void>
}

/**
 * Reads, and reads again every `everyMs` while somebody looks; 0: only once.
 *
 * @param key - What is read, as a text: another one starts anew.
 */
export function useLoaded<Value>(
  key: string,
  read: () => Promise<Value>,
  everyMs = 0,
): Loaded<Value> {
  const [state, setState] = useState<{ key: string; value: Value | null; problem: Problem | null }>(
    { key, value: null, problem: null },
  )
  const newest = useRef({ key, read })
  newest.current = { key, read }

  const reload = useCallback(async () => {
    const asked = newest.current.key
    const next = await attempt(newest.current.read)
    // The visitor may have gone on meanwhile.
    if (newest.current.key !== asked) return
    setState((before) => ({
      key: asked,
      problem: next.problem,
      value: next.value ?? (before.key === asked ? before.value : null),
    }))
  }, [])

  useEffect(() => {
    void reload()
    if (everyMs === 0) return
    let timer: ReturnType<typeof setTimeout>
    const again = async () => {
      if (document.visibilityState === 'visible') await reload()
      timer = setTimeout(again, everyMs)
    }
    timer = setTimeout(again, everyMs)
    return () => clearTimeout(timer)
  }, [key, everyMs, reload])

  const isOfKey = state.key === key
  return { value: isOfKey ? state.value : null, problem: isOfKey ? state.problem : null, reload }
}

async function attempt<Value>(
  read: () => Promise<Value>,
): Promise<{ value: Value | null; problem: Problem | null }> {
  try {
    return { value: await read(), problem: null }
  } catch (error) {
    return { value: null, problem: toProblem(error) }
  }
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  console.error(error)
  return new Problem({ code: 'page', detail: 'This page made a mistake. Reload it.' })
}

/** Something that the visitor sets off: one at a time, with its failure in words. */
export function useAction<Args extends unknown[]>(act: (...args: Args) => Promise<void>) {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const running = useRef(false)
  const run = async (...args: Args) => {
    if (running.current) return
    running.current = true
    setBusy(true)
    setProblem(null)
    try {
      await act(...args)
    } catch (error) {
      setProblem(toProblem(error))
    } finally {
      running.current = false
      setBusy(false)
    }
  }
  return { run, busy, problem, clear: () => setProblem(null) }
}
