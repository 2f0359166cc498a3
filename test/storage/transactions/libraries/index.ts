import { drizzleLibrary } from './drizzle.ts'
import { knexLibrary } from './knex.ts'
import { kyselyLibrary } from './kysely.ts'
import type { Library } from './library.ts'
import { pgLibrary } from './pg.ts'
import { prismaLibrary } from './prisma.ts'
import { typeormLibrary } from './typeorm.ts'

/** Every library for which there is a wrapper, and `pg`, which needs none. */
export const libraries: Library[] = [
  pgLibrary,
  prismaLibrary,
  drizzleLibrary,
  kyselyLibrary,
  knexLibrary,
  typeormLibrary,
]
