import { render } from 'preact'
import { App } from './App.tsx'

const root = document.getElementById('portal')
if (root !== null) render(<App />, root)
