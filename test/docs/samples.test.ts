import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documents, readDocument, type Sample, samplesOf } from './markdown.ts'
import { createDocsProgram } from './program.ts'
import { createProject, type Project } from './project.ts'

const samples = documents.flatMap((file) => samplesOf(readDocument(file)))
/** Shows that the check can fail, and that it names the line. */
const wrong: Sample = {
  name: 'wrong.md:1',
  file: 'wrong.md',
  code: "\nimport { createWebhooks } from '@ainexlayer/webhooks'\ncreateWebhooks({ storge: 1 })",
  runs: false,
  output: null,
}
const program = createDocsProgram([...samples, wrong])

describe('every sample compiles in a strict project', () => {
  test.each(samples.map((sample) => [sample.name, sample] as const))('%s', (_, sample) => {
    expect(program.problemsOf(sample)).toEqual([])
  })

  test('and one that is wrong does not', () => {
    const [problem] = program.problemsOf(wrong)
    expect(problem).toMatch(/^wrong\.md:3: .*storge/)
  })
})

/** Where samples send to. Whoever follows the README has something of their own there. */
const placeholder = 'http://127.0.0.1:3000'

describe('every sample marked "run" does what the text says', () => {
  const running = samples.filter(({ runs }) => runs)
  let project: Project
  let received = 0
  const receiver = createServer((request, response) => {
    received++
    request.resume().on('end', () => response.writeHead(204).end())
  })

  beforeAll(async () => {
    project = createProject()
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  })

  afterAll(() => {
    receiver.close()
    project.remove()
  })

  test('there are some', () => {
    expect(running.length).toBeGreaterThan(4)
  })

  test.each(running.map((sample) => [sample.name, sample] as const))('%s', async (_, sample) => {
    received = 0
    const { port } = receiver.address() as AddressInfo
    const to = `http://127.0.0.1:${port}`
    const output = await project.run(sample, { from: placeholder, to })
    if (sample.output !== null) expect(output.replaceAll(to, placeholder)).toBe(sample.output)
    if (sample.code.includes(placeholder)) expect(received).toBeGreaterThan(0)
  })
})
