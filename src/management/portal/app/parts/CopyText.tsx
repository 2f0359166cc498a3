import { useRef, useState } from 'preact/hooks'
import { say } from '../say.ts'

/** A text to take along, with a button that copies it. */
export function CopyText({ label, text }: { label: string; text: string }) {
  const [copied, setCopied] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const copy = async () => {
    input.current?.select()
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
      say(`${label} copied`)
    } catch {
      // Without https browsers give no access to the clipboard: the text is selected.
      say('Press Ctrl+C or ⌘C to copy')
    }
  }
  return (
    <div class="copy">
      <input ref={input} class="mono" readOnly value={text} aria-label={label} spellcheck={false} />
      <button type="button" class="primary" onClick={copy}>
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  )
}
