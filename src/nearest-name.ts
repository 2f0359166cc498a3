/** Longer ones are nobody's slip, and would take long to compare. */
const longestName = 128

/**
 * The name a caller probably meant: the one that the fewest edits lead to, if those are no more
 * than a third of its length; `undefined` if nothing is near.
 */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  if (name.length > longestName) return undefined
  let nearest: string | undefined
  let fewest = Number.POSITIVE_INFINITY
  for (const candidate of names) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (edits < fewest && edits <= Math.ceil(candidate.length / 3)) {
      nearest = candidate
      fewest = edits
    }
  }
  return nearest
}

/** Levenshtein distance: insertions, deletions and replacements that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1)
      const removed = (previous[column] ?? 0) + 1
      const added = (current[column - 1] ?? 0) + 1
      current.push(Math.min(replaced, removed, added))
    }
    previous = current
  }
  return previous[to.length] ?? 0
}
