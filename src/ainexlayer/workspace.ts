import * as z from 'zod'
import { actor, changes, count, instant, model, orNull, role, user, workspace } from './shared.ts'

const created = z
  .object({
    workspace: workspace.describe('The new workspace.'),
    actor,
    description: orNull(z.string().min(1), 'What the workspace is for, in the words of its owner.'),
    chatModel: orNull(model, 'The model that answers; null if it follows the platform.'),
    embeddingModel: orNull(model, 'The model that embeds; null if it follows the platform.'),
    createdAt: instant('When it was created.'),
  })
  .describe('A workspace was created.')

const updated = z
  .object({
    workspace: workspace.describe('The workspace after the change.'),
    actor,
    changes,
    updatedAt: instant('When the change took effect.'),
  })
  .describe('Settings of a workspace changed, such as its name, models or prompts.')

const deleted = z
  .object({
    workspace: workspace.describe('The workspace as it was.'),
    actor,
    removed: z
      .object({
        documents: count('Documents.'),
        conversations: count('Conversations.'),
        members: count('Members; their accounts remain.'),
      })
      .describe('What went with it.'),
    deletedAt: instant('When it was deleted.'),
    recoverableUntil: orNull(
      z.iso.datetime(),
      'Until when it can be restored; null if it is gone for good.',
    ),
  })
  .describe('A workspace was deleted with everything in it.')

const userAdded = z
  .object({
    workspace,
    actor: actor.describe('Who added the user; the system for rules and directory sync.'),
    user: user.describe('The new member.'),
    workspaceRole: role.describe('Role of the user in this workspace.'),
    method: z
      .enum(['direct', 'invitation', 'sso', 'directory'])
      .describe('Added by somebody, by invitation, at single sign-on, or by directory sync.'),
    addedAt: instant('When the user became a member.'),
  })
  .describe('A user became a member of a workspace.')

const userRemoved = z
  .object({
    workspace,
    actor: actor.describe('Who removed the user; the user itself where it left.'),
    user: user.describe('The former member.'),
    workspaceRole: role.describe('Role that the user had in this workspace.'),
    reason: z
      .enum(['removed', 'left', 'account_deleted', 'directory'])
      .describe('Removed by somebody, left, account deleted, or removed by directory sync.'),
    removedAt: instant('When the membership ended.'),
  })
  .describe('A user is no longer a member of a workspace.')

/** Workspaces and their members. */
export const workspaceEvents = {
  'workspace.created': created,
  'workspace.updated': updated,
  'workspace.deleted': deleted,
  'workspace.user.added': userAdded,
  'workspace.user.removed': userRemoved,
}
