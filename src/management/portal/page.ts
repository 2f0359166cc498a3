import { randomBytes } from 'node:crypto'
import type { Asset } from './assets.ts'

/** The page: a shell without state, which the script fills by way of the management API. */
export function renderPage({
  title,
  folder,
  script,
  styles,
  icon,
}: {
  title: string
  /** Where the assets are, seen from the page. */
  folder: string
  script: Asset
  styles: Asset
  icon: Asset
}): Response {
  const nonce = randomBytes(18).toString('base64')
  const name = escapeHtml(title)
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="application-name" content="${name}">
<title>${name}</title>
<link rel="icon" type="image/svg+xml" href="${folder}${icon.name}">
<link rel="stylesheet" href="${folder}${styles.name}" nonce="${nonce}">
<script type="module" src="${folder}${script.name}" nonce="${nonce}"></script>
</head>
<body>
<div id="portal"></div>
<noscript><p>This page needs JavaScript. Everything it does can also be done over the API.</p></noscript>
</body>
</html>
`
  return new Response(html, {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy(nonce),
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    },
  })
}

/** Nothing but what the page is made of, and no HTML made of text anywhere (trusted types). */
function policy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '')
}
