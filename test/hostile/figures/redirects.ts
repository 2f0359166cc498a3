/** Every shape of redirect, over http and https, with proxy variables set: who is connected to. */
import { httpTransport } from '../../../src/index.ts'
import { kindsOfRedirect } from '../../../src/testing/misbehaving-receiver/kinds-of-status.ts'
import { startReceiver } from '../../../src/testing/misbehaving-receiver/server.ts'
import { recordDials } from '../dials.ts'
import { requestTo } from '../request.ts'
import { report } from './sender.ts'

const recorder = recordDials({ refuse: false })
let elsewhere = 0
let sent = 0
for (const behaviour of Object.values(kindsOfRedirect)) {
  for (const secure of [{}, { certificate: 'valid' } as const]) {
    const receiver = await startReceiver({ ...behaviour, ...secure })
    const transport = httpTransport({
      addressGuard: { allow: ['127.0.0.1'] },
      certificateAuthorities: [receiver.certificateAuthority],
    })
    await transport.send(requestTo(receiver.url))
    sent += receiver.requests.length
    elsewhere += recorder.take().filter(({ port }) => port !== receiver.port).length
    await transport.close()
    await receiver.close()
  }
}
report({ shapes: Object.keys(kindsOfRedirect).length, sent, elsewhere })
