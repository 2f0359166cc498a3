/**
 * Watches the first bytes of each answer on a connection, before undici parses them.
 *
 * undici closes the connection on a `100 Continue` that nobody asked for, and reads interim
 * answers (1xx) and a status line's reason phrase without end. A receiver that accepted the event
 * would be called again for the former; the latter holds a connection busy.
 */
import type net from 'node:net'
import { TransportFailure } from './failures.ts'

/** More of them no receiver has a reason to send. */
const maxInterimAnswers = 32

/** Bytes in which the head of an answer must end: undici's own limit on headers, and one read. */
const maxHeadBytes = 128 * 1024

/** An interim answer's status line. 101 is none: it would hand the connection over. */
const interimStatusLine = /^HTTP\/1\.\d 1(?!01)\d\d/

const nothing = Buffer.alloc(0)

/** The head of the answer that a connection waits for or reads. */
export class AnswerHead {
  /** Whether any byte of the answer has come. */
  begun = false
  /** Whether interim answers may still come: none of the final one has been seen. */
  #interim = false
  #ended = true
  #bytes = 0
  #interimAnswers = 0
  /** Bytes that do not yet tell what they begin. */
  #held: Buffer = nothing

  constructor(socket: net.Socket) {
    const read = socket.read.bind(socket)
    socket.read = (size?: number) => {
      let chunk: Buffer | null = read(size)
      while (chunk !== null && !this.#ended) {
        chunk = this.#take(chunk, socket)
        if (chunk.length > 0) return chunk
        chunk = read(size)
      }
      return chunk
    }
  }

  /** A request is written: an answer must follow. */
  expect(): void {
    this.begun = false
    this.#interim = true
    this.#ended = false
    this.#bytes = 0
    this.#interimAnswers = 0
    this.#held = nothing
  }

  /** The headers of the final answer have been read. */
  end(): void {
    this.#ended = true
  }

  /** What of a chunk belongs to the final answer; nothing as long as that is not known. */
  #take(chunk: Buffer, socket: net.Socket): Buffer {
    this.begun = true
    this.#bytes += chunk.length
    if (this.#bytes > maxHeadBytes) socket.destroy(endlessHead())
    if (!this.#interim) return chunk
    let data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    while (mayBeInterim(data)) {
      const end = data.indexOf('\r\n\r\n')
      if (end < 0) {
        this.#held = data
        return nothing
      }
      data = data.subarray(end + 4)
      if (++this.#interimAnswers > maxInterimAnswers) socket.destroy(endlessHead())
    }
    this.#interim = false
    this.#held = nothing
    return data
  }
}

/** Whether these bytes begin an interim answer, or are too few to tell. */
function mayBeInterim(data: Buffer): boolean {
  if (data.length > 9 && data[9] !== 0x31) return false
  const start = data.toString('latin1', 0, 12)
  return interimStatusLine.test(start + 'HTTP/1.1 100'.slice(start.length))
}

function endlessHead(): TransportFailure {
  return new TransportFailure('invalid_response', 'The answer begins without end', 'receiver')
}
