/**
 * A document backend on Express 5 that tells its customers' systems what happens, and lets each
 * workspace manage its own webhooks.
 */
import type { Webhooks } from '@ainexlayer/webhooks'
import type { ainexlayerEvents } from '@ainexlayer/webhooks/ainexlayer'
import { managementActions, managementApi, nodeListener } from '@ainexlayer/webhooks/management'
import express, { type Request } from 'express'
import { decodeText, describeDocument, describeText } from '../document-facts.ts'
import { answerError, HttpError } from './errors.ts'
import { workspaceIdOf } from './session.ts'

export type AppWebhooks = Webhooks<typeof ainexlayerEvents, unknown>

export function createApp(webhooks: AppWebhooks): express.Express {
  const app = express()

  /** The face of the request's workspace. In your backend the id comes from the session. */
  const workspaceOf = (request: Request) => {
    const id = workspaceIdOf(request.headers)
    if (!id) throw new HttpError(400, 'workspace_missing', 'Send the header X-Workspace-Id.')
    return webhooks.forTenant(id)
  }

  app.post('/documents', express.raw({ type: () => true, limit: '10mb' }), async (req, res) => {
    const workspace = workspaceOf(req)
    const bytes: Buffer | undefined = req.body
    if (!bytes?.length) throw new HttpError(400, 'document_missing', 'Send a document as the body.')
    const startedAt = Date.now()
    const about = {
      workspace: { id: String(workspaceIdOf(req.headers)), name: 'Documents' },
      document: describeDocument(String(req.query.name ?? 'untitled.txt'), bytes),
    }
    await workspace.emit('document.uploaded', {
      ...about,
      actor: { type: 'api_key', id: 'key_demo', name: 'Demo key' },
      source: { type: 'api' },
      uploadedAt: new Date().toISOString(),
    })

    const text = decodeText(bytes)
    if (text === null) {
      await workspace.emit('document.failed', {
        ...about,
        failure: {
          code: 'unsupported_type',
          message: 'The document is not a text in UTF-8.',
          stage: 'extract',
          retryable: false,
        },
        attempt: 1,
        willRetry: false,
        failedAt: new Date().toISOString(),
      })
    } else {
      await workspace.emit('document.processed', {
        ...about,
        ...describeText(text),
        durationMs: Date.now() - startedAt,
        processedAt: new Date().toISOString(),
      })
    }
    res.status(201).json(about.document)
  })

  // A sign-in that asks nothing, for a look at the portal. In your backend: your own.
  app.get('/', (_request, response) => {
    response.cookie('workspace', 'ws_demo', { httpOnly: true, sameSite: 'lax' })
    response.redirect('/api/v1/webhooks/portal')
  })

  app.use(
    '/api/v1/webhooks',
    nodeListener(
      managementApi<Request>(webhooks, {
        portal: { title: 'Documents' },
        // In your backend: who is logged in, and what may they do in this workspace?
        authorize(_request, { headers }) {
          const tenantId = workspaceIdOf(headers)
          return tenantId ? { tenantId, actions: managementActions } : null
        },
      }),
    ),
  )
  app.use(answerError)
  return app
}
