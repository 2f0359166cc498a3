/**
 * Certificates for receivers on loopback, made when they are first asked for: their keys exist in
 * the memory of one process alone, and no program trusts the authority unless it is told to.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import {
  bitString,
  boolean,
  integer,
  objectId,
  octetString,
  sequence,
  set,
  tagged,
  taggedBytes,
  time,
  utf8String,
} from './der.ts'

/** A certificate and its key, both in PEM form. */
export interface ServerCertificate {
  cert: string
  key: string
}

/** What a receiver's certificate is like. All but `another host` are for 127.0.0.1 and localhost. */
export type CertificateKind =
  | 'valid'
  | 'expired'
  | 'of the future'
  | 'for another host'
  | 'self-signed'
  | 'of an unknown authority'

interface Identity {
  name: string
  keys: { privateKey: KeyObject; publicKey: KeyObject }
}

const always = { from: new Date('2000-01-01T00:00:00Z'), to: new Date('2200-01-01T00:00:00Z') }
const longAgo = { from: new Date('2001-01-01T00:00:00Z'), to: new Date('2001-01-02T00:00:00Z') }
const farAhead = { from: new Date('2190-01-01T00:00:00Z'), to: new Date('2200-01-01T00:00:00Z') }

const authority = once(() => createIdentity('Authority of misbehaving receivers'))
const unknownAuthority = once(() => createIdentity('Authority that nobody trusts'))

/** The certificate, in PEM form, of the authority behind all others but the two untrusted ones. */
export const certificateAuthority = once(() =>
  write({ subject: authority(), issuer: authority(), validity: always, isAuthority: true }),
)

const certificates: Record<CertificateKind, () => ServerCertificate> = {
  valid: once(() => issue({})),
  expired: once(() => issue({ validity: longAgo })),
  'of the future': once(() => issue({ validity: farAhead })),
  'for another host': once(() => issue({ hosts: ['elsewhere.test'], addresses: [] })),
  'self-signed': once(() => issue({ issuer: 'itself' })),
  'of an unknown authority': once(() => issue({ issuer: unknownAuthority() })),
}

/** The certificate of a kind; the same one on every call in one process. */
export function certificateOf(kind: CertificateKind): ServerCertificate {
  return certificates[kind]()
}

function issue({
  validity = always,
  hosts = ['localhost', 'receiver.test', '*.receiver.test'],
  addresses = [Buffer.of(127, 0, 0, 1), Buffer.from('00000000000000000000000000000001', 'hex')],
  issuer = authority(),
}: {
  validity?: typeof always
  hosts?: string[]
  addresses?: Buffer[]
  issuer?: Identity | 'itself'
}): ServerCertificate {
  const subject = createIdentity('receiver')
  const cert = write({
    subject,
    issuer: issuer === 'itself' ? subject : issuer,
    validity,
    hosts,
    addresses,
  })
  return { cert, key: subject.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

function createIdentity(name: string): Identity {
  return { name, keys: generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
}

const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'))
let serial = 0

/** Writes a version 3 certificate (RFC 5280 section 4.1) in PEM form. */
function write({
  subject,
  issuer,
  validity,
  hosts = [],
  addresses = [],
  isAuthority = false,
}: {
  subject: Identity
  issuer: Identity
  validity: typeof always
  hosts?: string[]
  addresses?: Buffer[]
  isAuthority?: boolean
}): string {
  const alternativeNames = [
    ...hosts.map((host) => taggedBytes(2, Buffer.from(host))),
    ...addresses.map((address) => taggedBytes(7, address)),
  ]
  const extensions = isAuthority
    ? [extension('2.5.29.19', sequence(boolean(true)))]
    : [extension('2.5.29.17', sequence(...alternativeNames))]
  const toBeSigned = sequence(
    tagged(0, integer(2)),
    integer(++serial),
    ecdsaWithSha256,
    commonName(issuer.name),
    sequence(time(validity.from), time(validity.to)),
    commonName(subject.name),
    subject.keys.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(...extensions)),
  )
  const signature = sign('sha256', toBeSigned, issuer.keys.privateKey)
  return toPem(sequence(toBeSigned, ecdsaWithSha256, bitString(signature)))
}

function commonName(name: string): Buffer {
  return sequence(set(sequence(objectId('2.5.4.3'), utf8String(name))))
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), boolean(true), octetString(value))
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
