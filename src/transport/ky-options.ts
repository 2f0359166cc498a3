import type { Options } from 'ky'

/** ky decides nothing by itself: time, retries and what counts as success are the engine's. */
export const kyOptions = {
  method: 'post',
  retry: 0,
  timeout: false,
  throwHttpErrors: false,
} satisfies Options
