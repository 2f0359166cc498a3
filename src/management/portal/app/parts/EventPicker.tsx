import { useState } from 'preact/hooks'
import type { EventType } from '../api.ts'
import { visible } from '../format.ts'

/** `document` of `document.processed` */
const familyOf = (name: string) => name.split('.')[0] ?? name

interface Family {
  pattern: string
  types: EventType[]
}

function familiesOf(types: EventType[]): Family[] {
  const families = new Map<string, EventType[]>()
  for (const type of types) {
    const family = familyOf(type.name)
    families.set(family, [...(families.get(family) ?? []), type])
  }
  return [...families].map(([family, members]) => ({ pattern: `${family}.*`, types: members }))
}

/** Which event types an endpoint receives: all, whole families, or single ones. */
export function EventPicker({
  types,
  value,
  onChange,
}: {
  types: EventType[]
  value: string[]
  onChange(patterns: string[]): void
}) {
  const [search, setSearch] = useState('')
  const chosen = new Set(value)
  const families = familiesOf(types)
  const offered = new Set([
    '*',
    ...families.map(({ pattern }) => pattern),
    ...types.map(({ name }) => name),
  ])
  const others = value.filter((pattern) => !offered.has(pattern))
  const words = search.trim().toLowerCase()
  const isShown = ({ name, description }: EventType) =>
    words === '' || `${name} ${description ?? ''}`.toLowerCase().includes(words)

  function set(pattern: string, isChosen: boolean): void {
    const next = new Set(chosen)
    if (isChosen) next.add(pattern)
    else next.delete(pattern)
    onChange([...next])
  }

  const box = (pattern: string, label: string, note: string | null, byOther: boolean) => (
    <label key={pattern} class="choice">
      <input
        type="checkbox"
        checked={byOther || chosen.has(pattern)}
        disabled={byOther}
        onChange={(event) => set(pattern, event.currentTarget.checked)}
      />
      <span>
        <span class={label === pattern ? 'mono' : ''}>{visible(label)}</span>
        {note !== null && <small>{note}</small>}
      </span>
    </label>
  )

  const all = chosen.has('*')
  return (
    <fieldset class="picker">
      <legend>Events</legend>
      {box('*', 'All events', 'Also those that are added later', false)}
      {!all && types.length > 8 && (
        <input
          type="search"
          class="search"
          placeholder="Search event types"
          aria-label="Search event types"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      {!all && (
        <div class="families">
          {families.map(({ pattern, types: members }) => {
            const shown = members.filter(isShown)
            if (shown.length === 0) return null
            const whole = chosen.has(pattern)
            return (
              <div key={pattern} class="family">
                {members.length > 1 &&
                  box(pattern, `Everything under ${familyOf(pattern)}`, pattern, false)}
                <div class={members.length > 1 ? 'members' : ''}>
                  {shown.map(({ name, description }) => box(name, name, description, whole))}
                </div>
              </div>
            )
          })}
          {others.map((pattern) =>
            box(pattern, pattern, 'A pattern that was set elsewhere', false),
          )}
        </div>
      )}
    </fieldset>
  )
}
