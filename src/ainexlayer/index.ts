/** The catalogue of AINexLayer's event types. */
export { ainexlayerEvents } from './events.ts'
export { ainexlayerExamples } from './examples.ts'
