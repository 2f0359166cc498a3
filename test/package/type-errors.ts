/** A place and a code, such as `17 TS2345`. */
type Finding = string

/**
 * Sets what a compiler reported against what a source expects: each comment `// @ts-expect-error
 * TS…` stands for one error on the line after it.
 */
export function findTypeErrors(
  source: string,
  report: string,
): { expected: Finding[]; found: Map<string, Finding[]> } {
  const expected = source.split('\n').flatMap((line, index) => {
    const [, code] = /^\s*\/\/ @ts-expect-error (TS\d+)/.exec(line) ?? []
    return code === undefined ? [] : [`${index + 2} ${code}`]
  })
  const found = new Map<string, Finding[]>()
  for (const [, file = '', line, code] of report.matchAll(/^(.+)\((\d+),\d+\): error (TS\d+)/gm)) {
    found.set(file, [...(found.get(file) ?? []), `${line} ${code}`])
  }
  return { expected, found }
}
