import * as z from 'zod'
import {
  actor,
  changes,
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

const document = z
  .object({
    id: id('Id of the document, the same over its whole life.'),
    name: text('File name or title, as shown in the workspace.'),
    mimeType: text('Media type, such as "application/pdf".'),
    sizeBytes: count('Size of the original in bytes.'),
    sha256: orNull(
      z.string().regex(/^[0-9a-f]{64}$/),
      'SHA-256 of the original in lower-case hex; null if the original was not kept.',
    ),
  })
  .describe('The document.')

const uploaded = z
  .object({
    workspace,
    actor,
    document,
    source: z
      .object({
        type: z
          .enum(['upload', 'url', 'connector', 'api'])
          .describe('A file from a browser, a web page, a connected service, or the API.'),
        url: orNull(z.url(), 'Where it was fetched from; null for files that were handed over.'),
        connector: orNull(
          z.string().min(1),
          'Name of the connected service, such as "google-drive"; null without one.',
        ),
      })
      .describe('How the document came in.'),
    folder: orNull(z.string().min(1), 'Folder it was put into; null for the top level.'),
    uploadedAt: instant('When the upload was complete.'),
  })
  .describe('A document was uploaded to a workspace. Its processing has not begun.')

const processed = z
  .object({
    workspace,
    document,
    content: z
      .object({
        pages: orNull(z.int().positive(), 'Pages; null for formats that have none.'),
        words: count('Words of the extracted text.'),
        characters: count('Characters of the extracted text.'),
        tokens: count('Tokens of the extracted text, by the tokenizer of the embedding model.'),
        language: orNull(
          z.string().min(2),
          'Main language as a BCP 47 tag, such as "en" or "pt-BR"; null if not detected.',
        ),
        ocr: z
          .boolean()
          .default(false)
          .describe('Whether text was read from images by optical character recognition.'),
      })
      .describe('What was found in the document.'),
    chunks: count('Passages the text was cut into; each can be found and cited by itself.'),
    embedding: orNull(
      model.extend({
        dimensions: z.int().positive().describe('Numbers in each vector.'),
        vectors: count('Vectors stored, usually one for each chunk.'),
      }),
      'How the chunks were made searchable; null if the workspace does not embed.',
    ),
    warnings: list(
      z.string().min(1),
      'What could not be read, in words; the rest of the document is usable.',
    ),
    durationMs: durationMs('Time from the start of processing to its end.'),
    processedAt: instant('When the document became searchable.'),
  })
  .describe('A document was processed completely and can be searched and cited.')

const failed = z
  .object({
    workspace,
    document,
    failure: z
      .object({
        code: z
          .enum([
            'unsupported_type',
            'too_large',
            'empty',
            'encrypted',
            'corrupt',
            'fetch_failed',
            'extraction_failed',
            'embedding_failed',
            'storage_failed',
            'quota_exceeded',
            'timeout',
            'internal',
          ])
          .describe('What went wrong, for programs.'),
        message: text('What went wrong, for people.'),
        stage: z
          .enum(['fetch', 'extract', 'chunk', 'embed', 'store'])
          .describe('The step of processing at which it stopped.'),
        retryable: z
          .boolean()
          .describe('Whether the same document may succeed later without being changed.'),
      })
      .describe('Why processing stopped.'),
    attempt: z.int().positive().describe('Which try this was; 1 for the first.'),
    willRetry: z.boolean().describe('Whether AINexLayer will try again by itself.'),
    failedAt: instant('When processing stopped.'),
  })
  .describe('Processing of a document failed. The document cannot be searched.')

const deleted = z
  .object({
    workspace,
    actor,
    document,
    reason: z
      .enum(['manual', 'retention', 'replaced', 'workspace_deleted'])
      .describe(
        'Somebody deleted it, its retention ended, a new version took its place, or its workspace was deleted.',
      ),
    removedChunks: count('Chunks that were removed from the search index with it.'),
    deletedAt: instant('When it was deleted; from then on no answer cites it.'),
  })
  .describe('A document was deleted from a workspace, together with its chunks and vectors.')

const updated = z
  .object({
    workspace,
    actor,
    document,
    changes,
    updatedAt: instant('When the change took effect.'),
  })
  .describe('Metadata of a document changed, such as its name, folder or tags.')

/** The life of a document in a workspace. */
export const documentEvents = {
  'document.uploaded': uploaded,
  'document.processed': processed,
  'document.failed': failed,
  'document.deleted': deleted,
  'document.updated': updated,
}
