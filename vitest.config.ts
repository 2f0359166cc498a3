import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { definePortal } from './portal.build.ts'

export default defineConfig({
  define: await definePortal(),
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/prisma/generate.ts'],
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'] },
    testTimeout: 20_000,
    // By itself vitest keeps one core free, although most tests wait for a server or a child process.
    maxWorkers: Math.max(2, availableParallelism()),
  },
})
