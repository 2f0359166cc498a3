/**
 * Watches the bytes of each answer on a connection, before undici parses them.
 *
 * undici closes the connection on a `100 Continue` that nobody asked for, and reads interim
 * answers (1xx), a status line's reason phrase and the extensions of chunks without end. A receiver
 * that accepted the event would be called again for the former; the latter hold a connection busy.
 */
import type net from 'node:net'
import { TransportFailure } from './failures.ts'

/** More of them no receiver has a reason to send. */
const maxInterimAnswers = 32

/** Bytes that may come without a byte of body: undici's own limit on headers, and one read. */
const maxEmptyBytes = 128 * 1024

/** An interim answer's status line. 101 is none: it would hand the connection over. */
const interimStatusLine = /^HTTP\/1\.\d 1(?!01)\d\d/

/** Bytes on the wire for each byte of body: chunks of one byte, honest if odd, take six. */
const bytesPerBodyByte = 8

const nothing = Buffer.alloc(0)

/** The answer that a connection waits for or reads. */
export class AnswerWatch {
  /** Whether any byte of the answer has come. */
  begun = false
  /** Whether interim answers may still come: none of the final one has been seen. */
  #interim = false
  /** Whether no request waits for an answer. */
  #idle = true
  #bytesLeft = 0
  #interimAnswers = 0
  /** Bytes that do not yet tell what they begin. */
  #held: Buffer = nothing

  constructor(socket: net.Socket) {
    const read = socket.read.bind(socket)
    socket.read = (size?: number) => {
      let chunk: Buffer | null = read(size)
      while (chunk !== null && !this.#idle) {
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
    this.#idle = false
    this.#bytesLeft = maxEmptyBytes
    this.#interimAnswers = 0
    this.#held = nothing
  }

  /** The headers of the final answer have been read. */
  expectBody(): void {
    this.#bytesLeft = maxEmptyBytes
  }

  /** So many bytes of body came out of what has been read. */
  gotBody(bytes: number): void {
    this.#bytesLeft += bytes * bytesPerBodyByte
  }

  /** The answer has been read to its end. */
  end(): void {
    this.#idle = true
  }

  /** What of a chunk belongs to the final answer; nothing as long as that is not known. */
  #take(chunk: Buffer, socket: net.Socket): Buffer {
    this.begun = true
    this.#bytesLeft -= chunk.length
    if (this.#bytesLeft < 0) socket.destroy(endless())
    if (!this.#interim) return chunk
    let data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    while (mayBeInterim(data)) {
      const end = data.indexOf('\r\n\r\n')
      if (end < 0) {
        this.#held = data
        return nothing
      }
      data = data.subarray(end + 4)
      if (++this.#interimAnswers > maxInterimAnswers) socket.destroy(endless())
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

function endless(): TransportFailure {
  return new TransportFailure('invalid_response', 'The answer begins without end', 'receiver')
}
