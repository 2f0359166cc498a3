/** Tells the visitor what happened: a note that goes away, read out by screen readers. */
let listener: (text: string) => void = () => {}

export function onSay(next: (text: string) => void): void {
  listener = next
}

export function say(text: string): void {
  listener(text)
}
