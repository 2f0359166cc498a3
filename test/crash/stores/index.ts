import { postgres } from './postgres.ts'
import { sqlite } from './sqlite.ts'
import type { CrashStore } from './store.ts'

/** Every storage that the crash tests run on. */
export const crashStores = { sqlite, postgres } satisfies Record<string, CrashStore>

/** The name of a storage that the crash tests run on. */
export type CrashStoreName = keyof typeof crashStores

export const crashStoreNames = Object.keys(crashStores) as CrashStoreName[]
