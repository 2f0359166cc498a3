/** Receivers that speak HTTP badly, or something else. */
import {
  answers,
  type Behaviour,
  ok,
  writes,
  writesAndCloses,
  writesAndResets,
  writesInPieces,
} from './behaviour.ts'

export const kindsOfProtocol = {
  garbage: writes('hello there'),
  'SSH banner': writes('SSH-2.0-OpenSSH_9.6\r\n'),
  'HTTP/2 frames on HTTP/1.1': writes(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])),
  'HTTP/1.0': writesAndCloses('HTTP/1.0 200 OK\r\n\r\nok'),
  // status line
  'status 99': writes('HTTP/1.1 99 Low\r\ncontent-length: 0\r\n\r\n'),
  'status 0': writes('HTTP/1.1 000 Zero\r\ncontent-length: 0\r\n\r\n'),
  'status 999': answers(999),
  'HTTP/2.0 in the status line': writes('HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  'HTTP/1.2': writes('HTTP/1.2 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  'status that is no number': writes('HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n'),
  'no reason phrase': writes('HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n'),
  // headers
  'LF only': writes('HTTP/1.1 200 OK\ncontent-length: 2\n\nok'),
  'obs-fold header': writes('HTTP/1.1 200 OK\r\nx-folded: a\r\n b\r\ncontent-length: 0\r\n\r\n'),
  'header without a colon': answers(200, 'nonsense'),
  'header without a name': answers(200, ': value'),
  'space before a colon': answers(200, 'x-name : value'),
  'NUL in a header': answers(200, 'x-name: a\0b'),
  'header bytes not ASCII': writes(
    Buffer.from('HTTP/1.1 200 OK\r\nx-name: caf\xe9 \x80\r\ncontent-length: 0\r\n\r\n', 'latin1'),
  ),
  'header named __proto__': answers(200, '__proto__: a', 'constructor: b'),
  // interim answers
  '103, then 200': writes('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', ok),
  '100 unasked, then 200': writes(`HTTP/1.1 100 Continue\r\n\r\n${ok}`),
  '100 and 103 in pieces, then 200': writesInPieces(
    'HTTP/1.1 1',
    '00 Continue\r\n',
    '\r\nHTTP/1.1 103 Early Hints\r\n\r',
    '\nHTTP/',
    '1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
  ),
  '103 with a body': writes('HTTP/1.1 103 Early\r\ncontent-length: 5\r\n\r\nhello', ok),
  '101 unasked': writes('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
  // length of the body
  '204 with a body': writes('HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello'),
  'body longer than content-length': writes(`${ok}and more`),
  'body shorter than content-length': writesAndCloses(
    'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello',
  ),
  'two content-lengths': writes(
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\nok',
  ),
  'negative content-length': writes('HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nok'),
  'content-length that is no number': writes('HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nok'),
  'content-length beyond all numbers': writes(
    `HTTP/1.1 200 OK\r\ncontent-length: ${'9'.repeat(40)}\r\n\r\nok`,
  ),
  'content-length beside chunks': writes(
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ),
  'transfer encoding that nobody knows': writes(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  ),
  'chunk longer than all numbers': writes(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nok\r\n0\r\n\r\n',
  ),
  'headers in trailers': writes(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n' +
      'retry-after: 99\r\nset-cookie: a=b\r\n\r\n',
  ),
  'five encodings in a row': writes(
    'HTTP/1.1 200 OK\r\ncontent-encoding: gzip, br, deflate, zstd, gzip\r\ncontent-length: 2\r\n\r\nok',
  ),
  'broken chunk': writes('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloZZ\r\n'),
  'chunked body cut short': writesAndCloses(
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nhello',
  ),
  'body not UTF-8': writes(
    'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n',
    Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  ),
} satisfies Record<string, Behaviour>

export const kindsOfConnection = {
  'takes no connection': { isDown: true },
  'RST on connect': { greet: (socket) => socket.resetAndDestroy() },
  'FIN without answer': { answer: ({ socket }) => socket.end() },
  'RST without answer': { answer: ({ socket }) => socket.resetAndDestroy() },
  'FIN in the middle of the headers': writesAndCloses('HTTP/1.1 200 OK\r\ncontent-le'),
  'RST in the middle of the headers': writesAndResets('HTTP/1.1 200 OK\r\ncontent-le'),
  'reset in mid body': writesAndResets('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello'),
  'RST after the answer': writesAndResets(ok),
  'answers twice': writes(ok + ok),
  'answers before it has read the body, and closes': {
    greet: (socket) => {
      socket.once('data', () => {
        socket.pause()
        const answer = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'
        socket.end(answer, () => socket.destroy())
      })
    },
  },
  'closes a reused connection on the next request': {
    answer: ({ socket, onConnection }) => {
      if (onConnection === 1) socket.write(ok)
      else socket.end()
    },
  },
  'resets a reused connection on the next request': {
    answer: ({ socket, onConnection }) => {
      if (onConnection === 1) socket.write(ok)
      else socket.resetAndDestroy()
    },
  },
  'begins to answer on a reused connection, then resets': {
    answer: ({ socket, onConnection }) => {
      if (onConnection === 1) return void socket.write(ok)
      socket.write('HTTP/1.1 2')
      setTimeout(() => socket.resetAndDestroy(), 20)
    },
  },
  'resets every request but the first': {
    answer: ({ socket, connection, onConnection }) => {
      if (connection === 1 && onConnection === 1) socket.write(ok)
      else socket.resetAndDestroy()
    },
  },
} satisfies Record<string, Behaviour>
