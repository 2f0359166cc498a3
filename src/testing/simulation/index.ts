/** Deterministic simulation of several processes of the engine in a hostile world. */
export type { CreateInstance } from './fleet.ts'
export type { Violation } from './observed.ts'
export { type SimulateOptions, type SimulationResult, simulate } from './simulate.ts'
