/**
 * The portal's script and style sheet, as texts that stand in for two names in
 * `src/management/portal/assets.ts`. So a host needs no build step and serves no files.
 */
import { build } from 'esbuild'

const app = 'src/management/portal/app'

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${app}/${entry}`],
    absWorkingDir: import.meta.dirname ?? process.cwd(),
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox115', 'safari16.4'],
    legalComments: 'none',
    tsconfig: `${app}/tsconfig.json`,
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error(`${entry} became nothing`)
  return file.text
}

/** What `define` of a bundler takes. */
export async function definePortal(): Promise<Record<string, string>> {
  const [script, styles] = await Promise.all([bundle('main.tsx'), bundle('styles.css')])
  return { PORTAL_SCRIPT: JSON.stringify(script), PORTAL_STYLES: JSON.stringify(styles) }
}
