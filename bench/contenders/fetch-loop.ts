import type { OpenContender } from './contender.ts'
import { loop } from './loop.ts'
import { postWithFetch } from './signed-post.ts'

export const open: OpenContender = async ({ receiverUrl }) =>
  loop({ post: (job) => postWithFetch(receiverUrl, job), end: async () => {} })
