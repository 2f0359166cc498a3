/** `npm run bench:scaling`: writes the tables of docs/scaling.md anew from what was measured last. */
import { readFileSync, writeFileSync } from 'node:fs'
import { type LogSize, scalingTables } from './scaling.ts'

const page = new URL('../docs/scaling.md', import.meta.url)

/** The page with its tables as they follow from bench/results.json and bench/log-size.json. */
export function scalingPage(): string {
  const tables = scalingTables(readJson('results.json'), readJson<LogSize>('log-size.json'))
  let text = readFileSync(page, 'utf8')
  for (const [name, table] of Object.entries(tables)) {
    const [from, to] = [`<!-- measured: ${name} -->`, '<!-- end -->']
    const start = text.indexOf(from)
    const end = text.indexOf(to, start)
    if (start < 0 || end < 0) throw new Error(`docs/scaling.md has no ${from} … ${to}`)
    text = `${text.slice(0, start + from.length)}\n${table}\n${text.slice(end)}`
  }
  return text
}

export function updateScaling(): void {
  writeFileSync(page, scalingPage())
}

function readJson<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as T
}

if (import.meta.main) updateScaling()
