import { createHash } from 'node:crypto'

/** The page's script and style sheet as text. The build puts them here: see `portal.build.ts`. */
declare const PORTAL_SCRIPT: string
declare const PORTAL_STYLES: string

/** A file of the portal. Its name changes with its content, so that it can be kept for ever. */
export interface Asset {
  name: string
  type: string
  body: string
}

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" ' +
  'fill="#4351e8"/><path d="M8 16h9m0 0-4-4m4 4-4 4" fill="none" stroke="#fff" stroke-width="2.6" ' +
  'stroke-linecap="round" stroke-linejoin="round"/><circle cx="22.5" cy="16" r="2.6" fill="#fff"/></svg>'

/** Everything that the page loads. */
export function createAssets(): { script: Asset; styles: Asset; icon: Asset } {
  return {
    script: asset('js', 'text/javascript; charset=utf-8', PORTAL_SCRIPT),
    styles: asset('css', 'text/css; charset=utf-8', PORTAL_STYLES),
    icon: asset('svg', 'image/svg+xml', icon),
  }
}

function asset(extension: string, type: string, body: string): Asset {
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 16)
  return { name: `portal-${hash}.${extension}`, type, body }
}
