import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { documents, readDocument, root } from './markdown.ts'

const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  scripts: Record<string, string>
}

describe.each(documents)('%s', (file) => {
  const { text } = readDocument(file)
  const prose = text.replace(/^```[\s\S]*?^```$/gm, '')

  test('names only files that exist', () => {
    const named = [...prose.matchAll(/`((?:src|test|examples|bench|docs|\.ci)\/[\w./-]*)`/g)]
    const linked = [...prose.matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
    const files = [
      ...named.map(({ 1: path = '' }) => path),
      ...linked.map(({ 1: path = '' }) => posix.join(posix.dirname(file), path)),
    ]
    expect(files.length).toBeGreaterThan(0)
    expect(files.filter((path) => !existsSync(`${root}${path}`))).toEqual([])
  })

  test('links only to headings that exist', () => {
    const links = [...prose.matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)]
    const missing = links.filter(({ 1: path = '', 2: anchor = '' }) => {
      const target = path === '' ? file : posix.join(posix.dirname(file), path)
      return !anchorsOf(target).includes(anchor)
    })
    expect(missing.map(([link]) => link)).toEqual([])
  })

  test('names only commands that exist', () => {
    const commands = [...text.matchAll(/npm run ([\w:-]+)/g)].map(({ 1: name = '' }) => name)
    expect(commands.filter((name) => scripts[name] === undefined)).toEqual([])
    const run = commands.flatMap((name) => scripts[name]?.match(/node (\S+\.ts)/)?.[1] ?? [])
    expect(run.filter((path) => !existsSync(`${root}${path}`))).toEqual([])
  })
})

function anchorsOf(file: string): string[] {
  const { text } = readDocument(file)
  return [...text.matchAll(/^#+ (.+)$/gm)].map(({ 1: title = '' }) => anchorOf(title))
}

/** As GitHub makes them. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}
