/**
 * Packs the library, installs it as a user would, and tries it on every Node that we promise.
 *
 *     npm run test:package
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findTypeErrors } from './type-errors.ts'

const root = join(import.meta.dirname, '../..')
const consumer = join(import.meta.dirname, 'consumer')
const npm = process.env.npm_execpath ?? assert.fail('Run this by: npm run test:package')

interface Outcome {
  code: number
  stdout: string
  stderr: string
}

function run(file: string, args: string[], cwd: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { cwd, maxBuffer: 1e8 }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

async function runOrFail(file: string, args: string[], cwd: string): Promise<Outcome> {
  const outcome = await run(file, args, cwd)
  assert.equal(outcome.code, 0, `${args.join(' ')}\n${outcome.stdout}${outcome.stderr}`)
  return outcome
}

/** Builds and packs. @returns The tarball. */
async function pack(folder: string): Promise<string> {
  const args = [npm, 'pack', '--json', '--loglevel', 'error', '--pack-destination', folder]
  const { stdout } = await runOrFail(process.execPath, args, root)
  // The build runs first and prints as well.
  const [packed] = JSON.parse(stdout.slice(stdout.lastIndexOf('\n[\n') + 1))
  const paths: string[] = packed.files.map((file: { path: string }) => file.path)
  const allowed =
    /^(dist\/[^/]+\.(c?js|d\.c?ts|map)|docs\/[\w-]+\.md|[A-Z]+\.md|LICENSE|package\.json)$/
  const others = paths.filter((path) => !allowed.test(path))
  assert.deepEqual(others, [], 'The package must hold what users need and nothing else')
  console.log(`${packed.filename}: ${paths.length} files, ${Math.round(packed.size / 1024)} KiB`)
  return join(folder, packed.filename)
}

/** What an installation must not say: each of these is somebody's first impression. */
const complaints = /deprecated|ERESOLVE|EBADENGINE|peer|install-scripts/i

async function install(node: string, folder: string, ...packages: string[]): Promise<void> {
  const { stdout, stderr } = await runOrFail(node, [npm, 'install', ...packages], folder)
  const said = `${stdout}${stderr}`.split('\n').filter((line) => complaints.test(line))
  assert.deepEqual(said, [], `Installing ${packages} must go without complaint`)
}

/** An empty project with a Node of its own. @returns Its folder and the path of that Node. */
async function createProject(folder: string, version: string): Promise<string> {
  await mkdir(folder)
  const project = { private: true, allowScripts: { node: true } }
  await writeFile(join(folder, 'package.json'), JSON.stringify(project))
  await install(process.execPath, folder, `node@${version}`)
  return join(folder, 'node_modules/.bin/node')
}

/** The library, and what it brings along, on one version of Node. */
async function tryOn(version: string, tarball: string, scratch: string): Promise<void> {
  const folder = join(scratch, `node-${version}`)
  const node = await createProject(folder, version)
  await install(node, folder, tarball)
  await copyFile(join(consumer, 'delivery.mjs'), join(folder, 'delivery.mjs'))
  const { stdout, stderr } = await runOrFail(node, ['delivery.mjs'], folder)
  const [ran, verdict] = stdout.trim().split('\n')
  assert.equal(verdict, 'ok')
  // Node 22 says of its own SQLite that it is experimental; nothing else may be said.
  const warnings = stderr
    .split('\n')
    .filter((line) => line !== '' && !/SQLite is an experimental|--trace-warnings/.test(line))
  assert.deepEqual(warnings, [])
  await tryCommandLine(node, folder)
  console.log(
    `Node ${ran}: installed without complaint; every entry imports and requires; delivered; ` +
      'the command line signs and verifies',
  )
  await tryAddresses(node, folder)
}

/** What the guard does with the collected cases: `new URL`, sockets and TLS are Node's. */
const addressFiles = ['collected', 'dials', 'request']

async function tryAddresses(node: string, folder: string): Promise<void> {
  for (const name of addressFiles) {
    const typed = await readFile(join(root, 'test/hostile', `${name}.ts`), 'utf8')
    const script = stripTypeScriptTypes(typed)
      .replace('../../src/index.ts', manifest.name)
      .replace('../cases/', './')
      .replaceAll(/'(\.\/\w+)\.ts'/g, "'$1.mjs'")
    await writeFile(join(folder, `${name}.mjs`), script)
  }
  await copyFile(join(root, 'test/cases/ssrf.json'), join(folder, 'ssrf.json'))
  const main = `import { tryCollectedCases } from './collected.mjs'
console.log(JSON.stringify(await tryCollectedCases()))`
  await writeFile(join(folder, 'addresses.mjs'), main)
  const { stdout } = await runOrFail(node, ['addresses.mjs'], folder)
  const { tried, wrong } = JSON.parse(stdout)
  assert.deepEqual(wrong, [], 'Collected URLs must be judged alike on every Node')
  console.log(`  ${tried} collected URLs at registration and at connect: all judged right`)
}

/** The command line as npm links it, on the Node of the project. */
async function tryCommandLine(node: string, folder: string): Promise<void> {
  const link = join(folder, 'node_modules/.bin/ainexlayer-webhooks')
  const cli = (...args: string[]) => runOrFail(node, [link, ...args], folder)
  assert.equal((await cli('--version')).stdout.trim(), manifest.version)
  const secret = ['--secret', `whsec_${Buffer.alloc(24, 1).toString('base64')}`]
  const body = ['--data', '{"type":"order.paid","data":{}}']
  const { stdout: headers } = await cli('sign', ...body, ...secret)
  await writeFile(join(folder, 'headers.txt'), headers)
  const { stdout } = await cli('verify', ...body, ...secret, '--headers-file', 'headers.txt')
  assert.match(stdout, /^genuine: msg_\w+, order\.paid\n$/)
  assert.match((await cli('events')).stdout, /document\.processed/)
  await cli('migrate', '--sqlite', 'cli.db')
  const { code, stderr } = await run(
    node,
    [link, 'deliveries', '--postgres', 'postgres://a'],
    folder,
  )
  assert.equal(code, 3)
  assert.match(stderr, /driver_missing/)
}

/** The types, in a strict project without `skipLibCheck`, as an ES module and as CommonJS. */
async function tryTypes(tarball: string, scratch: string, versions: string[]): Promise<void> {
  const folder = join(scratch, 'types')
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await install(process.execPath, folder, tarball, ...versions)
  const usage = await readFile(join(consumer, 'usage.ts'), 'utf8')
  const refusals = await readFile(join(consumer, 'refusals.ts'), 'utf8')
  for (const extension of ['mts', 'cts']) {
    await writeFile(join(folder, `usage.${extension}`), usage)
    // Here the compiler must speak up, so that it can be held to what it says.
    const open = refusals.replaceAll('// @ts-expect-error', '//')
    await writeFile(join(folder, `refusals.${extension}`), open)
  }
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'es2023',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: ['node'],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  const tsc = join(folder, 'node_modules/typescript/bin/tsc')
  const { stdout } = await run(process.execPath, [tsc, '--pretty', 'false'], folder)

  const { expected, found } = findTypeErrors(refusals, stdout)
  for (const file of ['refusals.mts', 'refusals.cts']) {
    assert.deepEqual(found.get(file) ?? [], expected, `What must not compile in ${file}\n${stdout}`)
    found.delete(file)
  }
  assert.deepEqual([...found], [], `Everything else must compile\n${stdout}`)
  console.log(
    `TypeScript: compiles as ESM and CommonJS; ${expected.length} mistakes refused in each`,
  )
}

const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
// Exactly the floor: as a range, 22.13 would be the newest 22.13.
const [, floor = ''] = /^>=(\d+\.\d+(?:\.\d+)?)$/.exec(manifest.engines.node) ?? []
const oldest = floor.split('.').length === 2 ? `${floor}.0` : floor
const { typescript, '@types/node': nodeTypes } = manifest.devDependencies
const scratch = await mkdtemp(join(tmpdir(), 'webhooks-package-'))
let failures = 0
async function attempt(what: string, trial: Promise<void>): Promise<void> {
  await trial.catch((error) => {
    failures++
    console.error(`FAILED on ${what}: ${error instanceof Error ? error.message : error}`)
  })
}
try {
  const tarball = await pack(scratch)
  for (const version of [oldest, '22', '24', '26']) {
    await attempt(`Node ${version}`, tryOn(version, tarball, scratch))
  }
  const packages = [`typescript@${typescript}`, `@types/node@${nodeTypes}`]
  await attempt('TypeScript', tryTypes(tarball, scratch, packages))
} finally {
  await rm(scratch, { recursive: true })
}
process.exitCode = failures > 0 ? 1 : 0
