/** Receivers behind bad TLS, and receivers whose name leads somewhere else. */
import tls from 'node:tls'
import { type Behaviour, dripsAtOnce, ok } from './behaviour.ts'

export const kindsOfTls = {
  'expired certificate': { certificate: 'expired' },
  'self-signed certificate': { certificate: 'self-signed' },
  'certificate of another host': { certificate: 'for another host' },
  'certificate of the future': { certificate: 'of the future' },
  'certificate of an unknown authority': { certificate: 'of an unknown authority' },
  'HTTP/2 only': { certificate: 'valid', tls: { ALPNProtocols: ['h2'] } },
  'hangs in the TLS handshake': { isHttps: true, greet: (socket) => void socket.resume() },
  // The head of a handshake record of 16 KiB, and then one byte of it after the other.
  'drips its TLS handshake': {
    ...dripsAtOnce(Buffer.from([0x16, 3, 3, 0x40, 0, 2]), Buffer.of(0)),
    isHttps: true,
  },
  'slow TLS handshake': { certificate: 'valid', handshakeAfterMs: 100 },
  'resets in the TLS handshake': {
    isHttps: true,
    greet: (socket) => {
      socket.once('data', () => socket.resetAndDestroy())
    },
  },
  'plain HTTP on the TLS port': {
    isHttps: true,
    greet: (socket) => {
      socket.resume()
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    },
  },
  'TLS on the plain port': {
    greet: (socket) => {
      // A fatal alert: what a TLS server says to a client that speaks something else.
      socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 0x46])))
    },
  },
  'renegotiates TLS 1.2': {
    certificate: 'valid',
    tls: { maxVersion: 'TLSv1.2' },
    answer: ({ socket }) => {
      if (socket instanceof tls.TLSSocket) socket.renegotiate({}, () => {})
      setTimeout(() => socket.write(ok), 20)
    },
  },
} satisfies Record<string, Behaviour>

export const kindsOfName = {
  'name that is gone': { nameLater: 'ENOTFOUND' },
  'name without an address': { nameLater: [] },
  'name server that fails': { nameLater: 'ESERVFAIL' },
  'name server that hangs': { nameLater: 'silence' },
  'name that moves to a private address': { nameLater: ['169.254.169.254'] },
  'name that gains a private address': { nameLater: ['127.0.0.1', '10.0.0.1'] },
  'name that leads to no address at all': { nameLater: ['localhost'] },
} satisfies Record<string, Behaviour>
