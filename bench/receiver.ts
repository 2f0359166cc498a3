/**
 * The loopback receiver of every benchmark, in a process of its own: answers 200 to everything and
 * tells its parent when the number of requests it was told to expect has come.
 */
import { createServer } from 'node:http'

let expected = Number.POSITIVE_INFINITY
let received = 0

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.writeHead(200, { 'content-length': '0' })
    response.end()
    received++
    if (received === expected) process.send?.({ done: true })
  })
})
server.keepAliveTimeout = 60_000

process.on('message', (message: { expect: number }) => {
  expected = message.expect
  received = 0
  process.send?.({ ready: true })
})
process.on('disconnect', () => process.exit())

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 })
})
