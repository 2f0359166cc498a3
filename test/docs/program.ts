/**
 * One TypeScript program over the library and the samples of its documents: samples are checked
 * as a reader's strict project would check them, and tables are compared with the types.
 */
import ts from 'typescript'
import { root, type Sample } from './markdown.ts'

/** The names by which users import, and the files behind them. */
export const entries: Record<string, string> = {
  '@ainexlayer/webhooks': 'src/index.ts',
  '@ainexlayer/webhooks/sqlite': 'src/storage/sqlite/index.ts',
  '@ainexlayer/webhooks/postgres': 'src/storage/postgres/index.ts',
  '@ainexlayer/webhooks/bullmq': 'src/scheduling/bullmq/index.ts',
  '@ainexlayer/webhooks/pg-boss': 'src/scheduling/pg-boss/index.ts',
  '@ainexlayer/webhooks/receiver': 'src/receiver/index.ts',
  '@ainexlayer/webhooks/management': 'src/management/index.ts',
  '@ainexlayer/webhooks/testing': 'src/testing/index.ts',
  '@ainexlayer/webhooks/opentelemetry': 'src/opentelemetry/index.ts',
  '@ainexlayer/webhooks/ainexlayer': 'src/ainexlayer/index.ts',
}

export interface DocsProgram {
  checker: ts.TypeChecker
  /** What the compiler says about a sample: one line per finding, with the document's line. */
  problemsOf(sample: Sample): string[]
  /** What a public entry exports, by name. */
  exportsOf(entry: string): ts.Symbol[]
}

export function createDocsProgram(samples: Sample[]): DocsProgram {
  const options = compilerOptions()
  // The texts exist in memory only, in a folder from which node_modules is found.
  const virtual = new Map(samples.map((sample) => [fileOf(sample), `${sample.code}\nexport {}\n`]))
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (file) => virtual.has(file) || fileExists(file)
  host.readFile = (file) => virtual.get(file) ?? readFile(file)
  host.getSourceFile = (file, language, ...rest) => {
    const text = virtual.get(file)
    return text === undefined
      ? getSourceFile(file, language, ...rest)
      : ts.createSourceFile(file, text, language)
  }
  const sources = Object.values(entries).map((file) => `${root}${file}`)
  const program = ts.createProgram([...sources, ...virtual.keys()], options, host)
  const checker = program.getTypeChecker()

  return {
    checker,
    problemsOf(sample) {
      const source = program.getSourceFile(fileOf(sample))
      const found = [
        ...program.getSyntacticDiagnostics(source),
        ...program.getSemanticDiagnostics(source),
      ]
      return found.map((problem) => describeProblem(sample, problem))
    },
    exportsOf(entry) {
      const source = program.getSourceFile(`${root}${entries[entry]}`)
      const symbol = source && checker.getSymbolAtLocation(source)
      return symbol === undefined ? [] : checker.getExportsOfModule(symbol)
    },
  }
}

/** Those of tsconfig.json, with the library under its public names. */
function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
  const paths = Object.entries(entries).map(([name, file]) => [name, [`${root}${file}`]])
  return { ...options, paths: Object.fromEntries(paths) }
}

/** A sample that begins with `// webhooks.ts` can be imported by the others under that name. */
function fileOf({ name, code }: Sample): string {
  const [, own] = /^\s*\/\/ (\w+\.ts)\n/.exec(code) ?? []
  return `${root}test/docs/${own ?? `${name.replace(/\W/g, '-')}.ts`}`
}

function describeProblem({ file }: Sample, { messageText, file: source, start }: ts.Diagnostic) {
  const line =
    source && start !== undefined ? source.getLineAndCharacterOfPosition(start).line + 1 : 0
  return `${file}:${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
}
