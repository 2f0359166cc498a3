import { PrismaPg } from '@prisma/adapter-pg'
import { prismaTransaction } from '../../../../src/storage/postgres/index.ts'
import { type Prisma, PrismaClient } from '../../../generated/prisma/client.ts'
import { type Inside, type Isolation, type Library, poolOptions } from './library.ts'

const isolationLevels = {
  'read committed': 'ReadCommitted',
  'repeatable read': 'RepeatableRead',
} as const satisfies Record<Isolation, string>

export const prismaLibrary: Library = {
  name: 'Prisma',
  noticesEnd: true,
  noticesRollback: false,
  async connect(options) {
    const { schema } = options
    const prisma = new PrismaClient({ adapter: new PrismaPg(poolOptions(options), { schema }) })
    return {
      transact: (work, { isolation = 'read committed' } = {}) =>
        prisma.$transaction((tx) => work(insideOf(tx)), {
          isolationLevel: isolationLevels[isolation],
          timeout: 20_000,
          maxWait: 20_000,
        }),
      outside: () => prismaTransaction(prisma as never),
      close: () => prisma.$disconnect(),
    }
  },
}

function insideOf(tx: Prisma.TransactionClient): Inside {
  return {
    transaction: prismaTransaction(tx),
    async addDocument(id) {
      await tx.document.create({ data: { id, status: 'new' } })
    },
    nest: (work) => tx.$transaction((nested) => work(insideOf(nested))),
  }
}
