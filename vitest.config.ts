import { defineConfig } from 'vitest/config'
import { definePortal } from './portal.build.ts'

export default defineConfig({
  define: await definePortal(),
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/prisma/generate.ts'],
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'] },
    testTimeout: 20_000,
  },
})
