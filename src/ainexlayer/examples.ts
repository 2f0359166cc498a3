import type { EventName, SentEventData } from '../core/events/registry.ts'
import type { ainexlayerEvents } from './events.ts'

type Catalogue = typeof ainexlayerEvents

const workspace = { id: 'ws_7Qm2ZKcVYt', name: 'Contract review' }

const ada = {
  id: 'usr_5hJxW8dR2k',
  username: 'ada.moreau',
  displayName: 'Ada Moreau',
  email: 'ada.moreau@example.com',
  role: 'manager',
} as const

const jonas = {
  id: 'usr_9TfLq3nB6s',
  username: 'jonas.weber',
  displayName: null,
  email: 'jonas.weber@example.com',
  role: 'user',
} as const

const byAda = { type: 'user', id: ada.id, name: 'Ada Moreau' } as const
const byJonas = { type: 'user', id: jonas.id, name: 'jonas.weber' } as const
const byTheSystem = { type: 'system', id: null, name: 'Retention' } as const

const agreement = {
  id: 'doc_3vN8yGhP4x',
  name: 'Master services agreement.pdf',
  mimeType: 'application/pdf',
  sizeBytes: 482_113,
  sha256: '9f2c4e0b7d6a18c35e91f4a2b80d7763c1e5a94f02bd68371ac0e9d5f7b3428e',
}

const conversation = { id: 'cnv_8RkDw1sM5p', title: 'Termination clauses' }
const chatModel = { provider: 'anthropic', name: 'claude-sonnet-4-5' }
const laptop = {
  ip: '203.0.113.24',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
  country: 'FR',
}

/** One complete and valid payload for each event type: for tests, previews and documentation. */
export const ainexlayerExamples: {
  [Name in EventName<Catalogue>]: SentEventData<Catalogue, Name>
} = {
  'document.uploaded': {
    workspace,
    actor: byAda,
    document: agreement,
    source: {
      type: 'connector',
      url: 'https://drive.example.com/d/1aZ9',
      connector: 'google-drive',
    },
    folder: 'Contracts/2026',
    uploadedAt: '2026-11-23T09:14:02.418Z',
  },
  'document.processed': {
    workspace,
    document: agreement,
    content: {
      pages: 38,
      words: 14_206,
      characters: 91_540,
      tokens: 19_873,
      language: 'en',
      ocr: false,
    },
    chunks: 64,
    embedding: {
      provider: 'openai',
      name: 'text-embedding-3-small',
      dimensions: 1536,
      vectors: 64,
    },
    warnings: ['Page 12: a table was read as plain text.'],
    durationMs: 8_412,
    processedAt: '2026-11-23T09:14:11.007Z',
  },
  'document.failed': {
    workspace,
    document: {
      id: 'doc_6wC1tXbF9z',
      name: 'Annex B (signed).pdf',
      mimeType: 'application/pdf',
      sizeBytes: 1_048_220,
      sha256: '17d0a6e4c92b5f8830be4d7a61c2f95e3a48d07bf1629ce5840a7db3921f6ec4',
    },
    failure: {
      code: 'encrypted',
      message: 'The file is protected by a password. Upload it without protection.',
      stage: 'extract',
      retryable: false,
    },
    attempt: 1,
    willRetry: false,
    failedAt: '2026-11-23T09:15:40.951Z',
  },
  'document.deleted': {
    workspace,
    actor: byTheSystem,
    document: agreement,
    reason: 'retention',
    removedChunks: 64,
    deletedAt: '2027-11-23T03:00:00.000Z',
  },
  'document.updated': {
    workspace,
    actor: byAda,
    document: { ...agreement, name: 'MSA Northwind (signed).pdf' },
    changes: {
      name: { previous: agreement.name, current: 'MSA Northwind (signed).pdf' },
      tags: { previous: ['draft'], current: ['signed', 'northwind'] },
      folder: { previous: null, current: 'Contracts/2026' },
    },
    updatedAt: '2026-11-24T16:30:12.300Z',
  },
  'chat.message': {
    workspace,
    conversation,
    actor: byJonas,
    message: {
      id: 'msg_4pZr7KuE2y',
      text: 'How much notice do we have to give to end the agreement early?',
      truncated: false,
      replyTo: null,
      attachments: [
        { name: 'clause-14.png', mimeType: 'image/png', sizeBytes: 88_412, documentId: null },
      ],
    },
    mode: 'query',
    sentAt: '2026-11-24T10:02:31.664Z',
  },
  'chat.conversation.started': {
    workspace,
    conversation: { id: conversation.id, title: null },
    actor: byJonas,
    origin: 'web',
    mode: 'query',
    model: chatModel,
    startedAt: '2026-11-24T10:02:31.640Z',
  },
  'chat.conversation.ended': {
    workspace,
    conversation,
    actor: { type: 'system', id: null, name: 'Idle conversations' },
    reason: 'idle',
    messages: { sent: 6, responses: 6 },
    tokens: { prompt: 24_310, completion: 1_922, total: 26_232 },
    startedAt: '2026-11-24T10:02:31.640Z',
    endedAt: '2026-11-24T11:02:31.640Z',
    durationMs: 3_600_000,
  },
  'chat.response.generated': {
    workspace,
    conversation,
    response: {
      id: 'msg_1cVt5QaH8m',
      replyTo: 'msg_4pZr7KuE2y',
      text: 'Either party may end the agreement with 60 days of written notice (section 14.2).',
      truncated: false,
      finishReason: 'stop',
    },
    model: chatModel,
    mode: 'query',
    tokens: { prompt: 3_844, completion: 212, total: 4_056 },
    latency: { firstTokenMs: 611, totalMs: 3_270 },
    citations: [
      {
        documentId: agreement.id,
        documentName: agreement.name,
        chunkId: 'chk_2yBn6LdS7w',
        page: 27,
        score: 0.87,
        excerpt: '14.2 Either party may terminate this Agreement upon sixty (60) days of notice',
      },
    ],
    toolsUsed: [],
    generatedAt: '2026-11-24T10:02:34.951Z',
  },
  'workspace.created': {
    workspace,
    actor: byAda,
    description: 'Contracts with suppliers, from draft to signature.',
    chatModel,
    embeddingModel: null,
    createdAt: '2026-11-20T08:00:41.118Z',
  },
  'workspace.updated': {
    workspace,
    actor: byAda,
    changes: {
      chatModel: { previous: 'openai/gpt-4.1', current: 'anthropic/claude-sonnet-4-5' },
      similarityThreshold: { previous: 0.25, current: 0.5 },
    },
    updatedAt: '2026-11-21T13:45:00.902Z',
  },
  'workspace.deleted': {
    workspace,
    actor: byAda,
    removed: { documents: 212, conversations: 87, members: 9 },
    deletedAt: '2027-01-31T17:20:55.000Z',
    recoverableUntil: '2027-03-02T17:20:55.000Z',
  },
  'workspace.user.added': {
    workspace,
    actor: byAda,
    user: jonas,
    workspaceRole: 'user',
    method: 'invitation',
    addedAt: '2026-11-20T08:12:09.450Z',
  },
  'workspace.user.removed': {
    workspace,
    actor: byJonas,
    user: jonas,
    workspaceRole: 'user',
    reason: 'left',
    removedAt: '2026-12-18T15:59:03.077Z',
  },
  'user.created': {
    user: jonas,
    actor: byAda,
    method: 'invitation',
    workspaceIds: [workspace.id],
    createdAt: '2026-11-20T08:11:58.203Z',
  },
  'user.updated': {
    user: ada,
    actor: { type: 'api_key', id: 'key_0mWs9RjT3e', name: 'HR sync' },
    changes: {
      role: { previous: 'user', current: 'manager' },
      displayName: { previous: null, current: 'Ada Moreau' },
    },
    updatedAt: '2026-11-22T07:30:00.000Z',
  },
  'user.deleted': {
    user: jonas,
    actor: byAda,
    reason: 'admin',
    workspaceIds: [workspace.id],
    deletedAt: '2026-12-18T16:05:44.519Z',
  },
  'user.login': {
    user: ada,
    session: { id: 'ses_7bXk4GyN1d' },
    method: 'sso',
    multiFactor: true,
    client: laptop,
    loggedInAt: '2026-11-23T08:58:17.236Z',
  },
  'user.logout': {
    user: ada,
    session: { id: 'ses_7bXk4GyN1d' },
    reason: 'user',
    client: laptop,
    sessionDurationMs: 29_402_118,
    loggedOutAt: '2026-11-23T17:08:19.354Z',
  },
}
