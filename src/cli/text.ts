/**
 * Text of strangers on a terminal. Control characters move the cursor, change the title, hide or
 * forge lines; bidirectional controls turn text around. All of them are shown instead of obeyed.
 */

/** C0 but tab and line feed, DEL, C1, marks of direction, separators of lines, joiners, and BOM. */
const controls =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g

/** Shows what a terminal would obey: `\x1b[31m`, `\u202e`. Line feeds and tabs stay. */
export function safeText(text: string): string {
  return text.toWellFormed().replace(controls, escaped)
}

/** The same on one line: whatever came in several cannot pass for a line of ours. */
export function safeLine(text: string): string {
  return safeText(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}

/** JSON that is safe to print and still says the same: inside of texts every character has an escape. */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    controls,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Several lines, moved to the right. */
export function indented(text: string, by = '    '): string {
  return text
    .split('\n')
    .map((line) => `${by}${line}`)
    .join('\n')
}

/** A body for people: JSON in lines, anything else as text, and not more of it than they read. */
export function shownBody(body: string, most = 4_000): string {
  const text = safeText(prettyJson(body) ?? body)
  const rest = text.length - most
  return rest > 0 ? `${text.slice(0, most)}\n… ${rest} more characters` : text
}

function prettyJson(body: string): string | null {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return null
  }
}

function escaped(character: string): string {
  const code = character.charCodeAt(0)
  return code < 256
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}
