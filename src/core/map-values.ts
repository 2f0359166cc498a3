/** A copy with changed values. Written over a copy, so that a key `__proto__` is like any other. */
export function mapValues(
  record: Record<string, string>,
  change: (value: string, key: string) => string,
): Record<string, string> {
  const mapped = { ...record }
  for (const key of Object.keys(mapped)) mapped[key] = change(mapped[key] ?? '', key)
  return mapped
}
