import * as z from 'zod'
import {
  actor,
  count,
  durationMs,
  id,
  instant,
  list,
  model,
  orNull,
  text,
  workspace,
} from './shared.ts'

const conversation = z
  .object({
    id: id('Id of the conversation.'),
    title: orNull(z.string().min(1), 'Title, given or generated; null while it has none.'),
  })
  .describe('The conversation.')

const mode = z
  .enum(['chat', 'query', 'agent'])
  .describe('Free chat, answers from the documents only, or an agent that uses tools.')

/**
 * Texts of people and models have no limit of their own, payloads do. The host cuts; the receiver
 * is told, and fetches the rest by the message's id.
 */
const truncated = z
  .boolean()
  .default(false)
  .describe('Whether the text was cut to fit. The whole is available through the API by its id.')

const tokens = z.object({
  prompt: count('Tokens read: question, history, instructions and retrieved passages.'),
  completion: count('Tokens written by the model.'),
  total: count('All tokens that were billed.'),
})

const message = z
  .object({
    workspace,
    conversation,
    actor: actor.describe('Who wrote the message.'),
    message: z
      .object({
        id: id('Id of the message.'),
        text: z.string().describe('The text as it was written; may be empty beside attachments.'),
        truncated,
        replyTo: orNull(z.string().min(1), 'Id of the message it replies to; null if to none.'),
        attachments: list(
          z.object({
            name: text('File name.'),
            mimeType: text('Media type, such as "image/png".'),
            sizeBytes: count('Size in bytes.'),
            documentId: orNull(
              z.string().min(1),
              'Id of the document it became; null if it is kept with the message only.',
            ),
          }),
          'Files sent along.',
        ),
      })
      .describe('The message.'),
    mode,
    sentAt: instant('When the message arrived.'),
  })
  .describe(
    'A person or a program sent a message in a conversation. The answer is an event of its own, ' +
      'chat.response.generated.',
  )

const conversationStarted = z
  .object({
    workspace,
    conversation,
    actor: actor.describe('Who started it.'),
    origin: z
      .enum(['web', 'embed', 'api', 'integration'])
      .describe('The web app, a chat embedded in a site, the API, or a connected service.'),
    mode,
    model: orNull(model, 'The model that will answer; null if none is chosen yet.'),
    startedAt: instant('When it was started.'),
  })
  .describe('A conversation was started.')

const conversationEnded = z
  .object({
    workspace,
    conversation,
    actor: actor.describe('Who ended it; the system where it ended by itself.'),
    reason: z
      .enum(['closed', 'idle', 'archived', 'deleted', 'limit_reached'])
      .describe('Closed by somebody, idle for too long, archived, deleted, or at a limit.'),
    messages: z
      .object({
        sent: count('Messages of people and programs.'),
        responses: count('Answers of the model.'),
      })
      .describe('How many messages it holds.'),
    tokens: orNull(tokens, 'Tokens over the whole conversation; null if they were not counted.'),
    startedAt: instant('When it was started.'),
    endedAt: instant('When it was ended.'),
    durationMs: durationMs('Time from its start to its end.'),
  })
  .describe('A conversation ended. It takes no further message.')

const responseGenerated = z
  .object({
    workspace,
    conversation,
    response: z
      .object({
        id: id('Id of the answer.'),
        replyTo: id('Id of the message that it answers.'),
        text: z.string().describe('The answer; may be empty where the model was stopped.'),
        truncated,
        finishReason: z
          .enum(['stop', 'length', 'content_filter', 'tool_limit', 'cancelled', 'error'])
          .describe('Why the model stopped; "stop" for a complete answer.'),
      })
      .describe('The answer.'),
    model: model.describe('The model that answered.'),
    mode,
    tokens: orNull(tokens, 'Tokens of this answer; null if the provider does not tell.'),
    latency: z
      .object({
        firstTokenMs: orNull(
          z.int().nonnegative(),
          'Milliseconds until the first token; null if the answer was not streamed.',
        ),
        totalMs: durationMs('Milliseconds until the answer was complete.'),
      })
      .describe('How long the user waited.'),
    citations: list(
      z.object({
        documentId: id('Id of the cited document.'),
        documentName: text('Name of the document at that moment.'),
        chunkId: orNull(z.string().min(1), 'Id of the cited chunk; null if unknown.'),
        page: orNull(z.int().positive(), 'Page of the passage, from 1; null without pages.'),
        score: orNull(
          z.number().min(0).max(1),
          'Similarity of passage and question, from 0 to 1; null if not ranked.',
        ),
        excerpt: orNull(z.string().min(1), 'The passage, or its beginning.'),
      }),
      'The passages that the answer rests on, the most similar first.',
    ),
    toolsUsed: list(z.string().min(1), 'Names of the tools an agent used, in order.'),
    generatedAt: instant('When the answer was complete.'),
  })
  .describe('A model answered a message.')

/** Conversations with models. */
export const chatEvents = {
  'chat.message': message,
  'chat.conversation.started': conversationStarted,
  'chat.conversation.ended': conversationEnded,
  'chat.response.generated': responseGenerated,
}
