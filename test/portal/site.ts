import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { ainexlayerEvents, ainexlayerExamples } from '../../src/ainexlayer/index.ts'
import { createWebhooks, memoryStorage } from '../../src/index.ts'
import {
  type ManagementAction,
  managementActions,
  managementApi,
  nodeListener,
  type PortalOptions,
} from '../../src/management/index.ts'

/** Listens on loopback until the test is over. @returns Its URL. */
async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A customer's server, which answers as it is told. */
export async function startReceiver() {
  const receiver = {
    url: '',
    status: 200,
    body: 'ok',
    headers: {} as Record<string, string>,
    received: 0,
  }
  receiver.url = await listen((request, response) => {
    request.resume().once('end', () => {
      receiver.received += 1
      response.writeHead(receiver.status, receiver.headers).end(receiver.body)
    })
  })
  return receiver
}

/** A real server with the portal for one signed-in visitor, and a worker that delivers. */
export async function startSite({
  actions = managementActions,
  portal,
  delaysMs = [0],
}: {
  actions?: readonly ManagementAction[]
  portal?: PortalOptions
  delaysMs?: number[]
} = {}) {
  const webhooks = createWebhooks({
    events: ainexlayerEvents,
    storage: memoryStorage(),
    addressGuard: { allow: ['127.0.0.0/8'] },
    retry: { delaysMs, jitter: 0 },
  })
  const visitor = { signedIn: true, actions }
  const api = managementApi(webhooks, {
    authorize: () => (visitor.signedIn ? { tenantId: 'ws_demo', actions: visitor.actions } : null),
    portal,
  })
  const url = await listen(nodeListener(api))
  await webhooks.start()
  onTestFinished(() => webhooks.stop())
  const workspace = webhooks.forTenant('ws_demo')
  return {
    url: `${url}/api/v1/webhooks/portal`,
    workspace,
    visitor,
    /** Emits an example of this type, and waits until it is delivered as far as it ever will be. */
    async emit(type: keyof typeof ainexlayerExamples = 'document.processed') {
      await workspace.emit(type, ainexlayerExamples[type] as never)
    },
  }
}
