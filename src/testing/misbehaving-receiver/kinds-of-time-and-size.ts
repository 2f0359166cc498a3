/** Receivers that take all the time, or all the memory, that they are given. */
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { answers, type Behaviour, drips, ok, writes, writesForEver } from './behaviour.ts'

const sixteenKiB = 'x'.repeat(0x4000)
const chunkOfSixteenKiB = `4000\r\n${sixteenKiB}\r\n`

export const kindsOfTime = {
  'never answers': { answer: () => {} },
  'accepts and does not read': {
    greet: (socket) => {
      // Without reading, it would not learn that the client has gone.
      setTimeout(() => socket.resume(), 1_000)
    },
  },
  'drips its body': drips('HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\n', 'x'),
  'drips its body in chunks': drips(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
    '1\r\nx\r\n',
  ),
  'drips its headers': drips('HTTP/1.1 200 OK\r\n', 'x: y\r\n'),
  'drips its status line': drips('HTTP/1.1 200 ', 'O'),
  'drips interim answers': drips('', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
  'announces a body and sends none': writes('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n'),
  'answers late': {
    answer: ({ socket }) => {
      setTimeout(() => socket.write(ok), 100)
    },
  },
} satisfies Record<string, Behaviour>

export const kindsOfSize = {
  'endless body': writesForEver(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
    chunkOfSixteenKiB,
  ),
  'endless body until it closes': writesForEver('HTTP/1.1 200 OK\r\n\r\n', sixteenKiB),
  'endless body of an error': writesForEver(
    'HTTP/1.1 500 Internal Server Error\r\ntransfer-encoding: chunked\r\n\r\n',
    chunkOfSixteenKiB,
  ),
  'announces 10 GB': writesForEver(
    'HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n',
    sixteenKiB,
  ),
  'gzip bomb': compressed('gzip', () => gzipSync(zeros())),
  'gzip in gzip bomb': compressed('gzip, gzip', () => gzipSync(gzipSync(zeros()))),
  'brotli bomb': compressed('br', () =>
    brotliCompressSync(zeros(), { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
  ),
  'gzip claimed, plain body': writes(
    'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello',
  ),
  'endless chunk extension': writesForEver(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=',
    sixteenKiB,
  ),
  'endless trailers': writesForEver(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n',
    `x: ${'y'.repeat(1_000)}\r\n`,
  ),
  'header of 20 KB': answers(200, `x-large: ${'x'.repeat(20_000)}`),
  '3,000 headers': answers(200, ...Array.from({ length: 3_000 }, (_, number) => `x${number}: y`)),
  '10 MB reason phrase': {
    answer: ({ socket }) => {
      socket.write(`HTTP/1.1 200 ${'x'.repeat(10_000_000)}\r\ncontent-length: 0\r\n\r\n`)
    },
  },
  'endless headers': writesForEver('HTTP/1.1 200 OK\r\n', `x: ${'y'.repeat(1000)}\r\n`),
  '100 flood': writesForEver('', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)),
  '103 flood': writesForEver('', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)),
} satisfies Record<string, Behaviour>

/** 64 MiB that compress to next to nothing. */
function zeros(): Buffer {
  return Buffer.alloc(64 * 1024 * 1024)
}

/** Sends what `make` gives; made once, when it is first asked for. */
function compressed(encoding: string, make: () => Buffer): Behaviour {
  let body: Buffer | undefined
  return {
    answer: ({ socket }) => {
      body ??= make()
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\n\r\n`,
      )
      socket.write(body)
    },
  }
}
