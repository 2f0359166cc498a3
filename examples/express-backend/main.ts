/**
 * Starts the backend.
 *
 *     npm run build
 *     WEBHOOKS_ALLOW=127.0.0.0/8 node examples/express-backend/main.ts
 *
 *     curl localhost:3000/api/v1/webhooks -H 'x-workspace-id: ws_1' -H 'content-type: application/json' \
 *       -d '{ "url": "http://127.0.0.1:4000/hooks", "events": ["document.*"] }'
 *     # Or in a browser, as the workspace ws_demo: http://localhost:3000
 *
 *     curl 'localhost:3000/documents?name=notes.md' -H 'x-workspace-id: ws_1' --data-binary @notes.md
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createWebhooks } from '@ainexlayer/webhooks'
import { ainexlayerEvents } from '@ainexlayer/webhooks/ainexlayer'
import { sqliteStorage } from '@ainexlayer/webhooks/sqlite'
import { createApp } from './app.ts'

const { PORT = '3000', WEBHOOKS_DB = 'webhooks.db', WEBHOOKS_ALLOW } = process.env

const webhooks = createWebhooks({
  events: ainexlayerEvents,
  storage: sqliteStorage({ path: WEBHOOKS_DB }),
  // Private addresses are refused unless allowed here, by CIDR.
  addressGuard: { allow: WEBHOOKS_ALLOW?.split(',') },
})
await webhooks.start()

const server = createApp(webhooks).listen(Number(PORT))
await once(server, 'listening')
console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`)

process.once('SIGTERM', async () => {
  server.close()
  server.closeIdleConnections()
  await once(server, 'close')
  await webhooks.stop()
  console.log('Stopped')
})
