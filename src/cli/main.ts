#!/usr/bin/env node
import { run } from './program.ts'

const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Once: whoever asks again is not kept waiting.
  process.once(signal, () => ending.abort())
}
// `| head` closes the pipe when it has seen enough, which is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})
// Nobody reads the notes: the command goes on, and its exit code counts.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const { stdin, stdout, stderr, env } = process
void run(process.argv.slice(2), { stdin, stdout, stderr, env, signal: ending.signal }).then(
  (exitCode) => {
    process.exitCode = exitCode
  },
)
