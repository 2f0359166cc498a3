import { run } from './support.ts'

/** A line of a list in a help text: what stands left, and what it means. */
export interface HelpEntry {
  name: string
  meaning: string
}

/** Reads a list (`Options`, `Commands`) of a help text, with its wrapped lines put together. */
export function entriesOf(help: string, title: string): HelpEntry[] {
  const [, list = ''] = new RegExp(`^${title}:\\n((?: .*\\n)*)`, 'm').exec(help) ?? []
  const entries: HelpEntry[] = []
  for (const line of list.split('\n').filter((text) => text !== '')) {
    const [, name, meaning] = /^ {2}(\S.*?) {2,}(\S.*)$/.exec(line) ?? []
    const last = entries.at(-1)
    if (name !== undefined) entries.push({ name, meaning: meaning ?? '' })
    else if (last !== undefined) last.meaning += ` ${line.trim()}`
  }
  return entries
}

export async function helpOf(...command: string[]): Promise<string> {
  const { code, stdout } = await run([...command, '--help'])
  if (code !== 0) throw new Error(`${command.join(' ')} --help ended with ${code}`)
  return stdout
}
