import { readdirSync, readFileSync } from 'node:fs'

/** Of `getconf CLK_TCK`: fixed on every Linux that Node runs on. */
const microsPerTick = 10_000

/**
 * CPU time that a process and its children have used so far, ended ones included, in microseconds;
 * `null` where the system does not tell. See proc_pid_stat(5).
 */
export function cpuTimeOf(pid: number): number | null {
  if (process.platform !== 'linux') return null
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + timeOf(each, each === pid), 0)
}

function timeOf(pid: number, withEnded: boolean): number {
  const fields = statOf(pid)
  // utime, stime, cutime and cstime: the 14th to the 17th; ours begin with the third.
  const times = fields.slice(11, withEnded ? 15 : 13)
  return times.reduce((sum, ticks) => sum + Number(ticks) * microsPerTick, 0)
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statOf(Number(name))[1] === String(pid))
    .map(Number)
}

/** The fields after the name, which may hold spaces; none once the process has ended. */
function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}
