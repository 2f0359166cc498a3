import { WebhooksError } from '../../errors.ts'
import { checkOptions } from '../../option-names.ts'
import type { ManagementAccess } from '../access.ts'
import { Refusal } from '../problem.ts'
import { type Asset, createAssets } from './assets.ts'
import { renderPage } from './page.ts'

/** How the portal looks. */
export interface PortalOptions {
  /** What the page is called: in its head and in the browser's tab. Default `Webhooks`. */
  title?: string | undefined
}

/** Answers a GET below `/portal`, of a caller that `authorize` let through. */
export type Portal = (
  request: Request,
  where: {
    /** The path below the mount path, such as `/portal` or `/portal/session`. */
    path: string
    access: ManagementAccess
  },
) => Response

/** Names change with the content. */
const forEver = 'public, max-age=31536000, immutable'

/** The web page over the management API. @throws WebhooksError `invalid_option` */
export function createPortal(options: PortalOptions): Portal {
  const { title = 'Webhooks' } = checkOptions('portal', options, ['title'])
  if (typeof title !== 'string' || title.length === 0 || title.length > 100) {
    throw new WebhooksError('invalid_option', 'portal.title must be a text of 1 to 100 characters')
  }
  let assets: ReturnType<typeof createAssets> | undefined

  return (request, { path, access }) => {
    assets ??= createAssets()
    if (path === '/portal') {
      // The page links from where the browser thinks it is: a host may cut off or add to the path.
      const folder = new URL(request.url).pathname.endsWith('/') ? '' : 'portal/'
      return renderPage({ title, folder, ...assets })
    }
    if (path === '/portal/session') {
      const { tenantId, actions } = access
      return Response.json({ tenantId, actions })
    }
    const asset = Object.values<Asset>(assets).find(({ name }) => path === `/portal/${name}`)
    if (asset === undefined)
      throw new Refusal('not_found', 'The portal has no such file: reload it.')
    const { type, body } = asset
    return new Response(body, { headers: { 'content-type': type, 'cache-control': forEver } })
  }
}
