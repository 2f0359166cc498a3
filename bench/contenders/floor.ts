import type { OpenContender } from './contender.ts'
import { loop } from './loop.ts'
import { poolPoster } from './signed-post.ts'

export const open: OpenContender = async ({ receiverUrl }) => {
  const { post, close } = poolPoster(receiverUrl)
  return loop({ post, end: close })
}
