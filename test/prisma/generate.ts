/** Has Prisma write its client, from which types and tests import; nothing where it is up to date. */
import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const schema = `${root}test/prisma/schema.prisma`
const client = `${root}test/generated/prisma/client.ts`
/** Written anew by every install, and so by every other release of Prisma. */
const installed = `${root}node_modules/.package-lock.json`

/** As vitest calls it before everything else. */
export default function generate(): void {
  if (isUpToDate()) return
  const cli = createRequire(import.meta.url).resolve('prisma/build/index.js')
  execFileSync(process.execPath, [cli, 'generate', '--schema', schema, '--no-hints'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      // Generating needs no engine. Prisma would fetch one all the same, from a host of its own,
      // unless it is told where one is; it does not look what that is.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      // Prisma reports its use otherwise.
      CHECKPOINT_DISABLE: '1',
    },
  })
}

function isUpToDate(): boolean {
  const made = timeOf(client)
  return made > timeOf(schema) && made > timeOf(installed)
}

function timeOf(file: string): number {
  return existsSync(file) ? statSync(file).mtimeMs : 0
}

if (import.meta.main) generate()
