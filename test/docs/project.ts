/** A folder in which samples run as in a reader's own project. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root, type Sample } from './markdown.ts'
import { entries } from './program.ts'

const packageName = '@ainexlayer/webhooks'

export interface Project {
  /** Runs a sample with Node, which strips its types. @returns What it printed. */
  run(sample: Sample, replace?: { from: string; to: string }): Promise<string>
  remove(): void
}

/**
 * Makes a project with the dependencies of this repository, and with the library installed from
 * its sources: a sample runs as it stands in the document, and needs no build.
 */
export function createProject(): Project {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-samples-'))
  const library = join(folder, 'node_modules', packageName)
  mkdirSync(library, { recursive: true })
  for (const name of readdirSync(`${root}node_modules`)) {
    if (name.startsWith('.') || name === '@ainexlayer') continue
    symlinkSync(`${root}node_modules/${name}`, join(folder, 'node_modules', name), 'junction')
  }
  symlinkSync(`${root}src`, join(library, 'src'), 'junction')
  const exports = Object.entries(entries).map(([name, file]) => [
    name.replace(packageName, '.'),
    `./${file}`,
  ])
  writeJson(join(library, 'package.json'), {
    name: packageName,
    type: 'module',
    exports: Object.fromEntries(exports),
  })
  writeJson(join(folder, 'package.json'), { type: 'module' })

  return {
    async run({ name, code }, replace) {
      // A folder for each, because a sample may leave a file behind.
      const home = join(folder, name.replace(/\W/g, '-'))
      mkdirSync(home)
      const file = join(home, 'sample.ts')
      writeFileSync(file, replace ? code.replaceAll(replace.from, replace.to) : code)
      const run = promisify(execFile)
      const { stdout } = await run(process.execPath, [file], { cwd: home, timeout: 15_000 })
      return stdout
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, JSON.stringify(value))
}
