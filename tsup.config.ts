import { defineConfig } from 'tsup'
import { definePortal } from './portal.build.ts'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    sqlite: 'src/storage/sqlite/index.ts',
    postgres: 'src/storage/postgres/index.ts',
    bullmq: 'src/scheduling/bullmq/index.ts',
    'pg-boss': 'src/scheduling/pg-boss/index.ts',
    receiver: 'src/receiver/index.ts',
    management: 'src/management/index.ts',
    testing: 'src/testing/index.ts',
    opentelemetry: 'src/opentelemetry/index.ts',
    ainexlayer: 'src/ainexlayer/index.ts',
    // The command line, which shares the chunks of the library. Of its forms only the ES module is
    // packed: `files` in package.json.
    cli: 'src/cli/main.ts',
  },
  format: ['esm', 'cjs'],
  dts: true,
  splitting: true,
  sourcemap: true,
  clean: true,
  target: 'node22',
  // `node:sqlite` exists only under its prefix: stripping it would break the import.
  removeNodeProtocol: false,
  define: await definePortal(),
})
