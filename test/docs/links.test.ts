import { existsSync, readFileSync } from 'node:fs'
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
    const files = [...named, ...linked].map(({ 1: path = '' }) => path)
    expect(files.length).toBeGreaterThan(0)
    expect(files.filter((path) => !existsSync(`${root}${path}`))).toEqual([])
  })

  test('links only to headings that exist', () => {
    const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map(({ 1: title = '' }) => anchorOf(title))
    const anchors = [...prose.matchAll(/\]\(#([^)]+)\)/g)].map(({ 1: anchor = '' }) => anchor)
    expect(anchors.filter((anchor) => !headings.includes(anchor))).toEqual([])
  })

  test('names only commands that exist', () => {
    const commands = [...text.matchAll(/npm run ([\w:]+)/g)].map(({ 1: name = '' }) => name)
    expect(commands.filter((name) => scripts[name] === undefined)).toEqual([])
    const run = commands.flatMap((name) => scripts[name]?.match(/node (\S+\.ts)/)?.[1] ?? [])
    expect(run.filter((path) => !existsSync(`${root}${path}`))).toEqual([])
  })
})

/** As GitHub makes them. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
}
