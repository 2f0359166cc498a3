import * as z from 'zod'
import { actor, changes, durationMs, id, instant, list, orNull, user } from './shared.ts'

const workspaceIds = list(z.string().min(1), 'Ids of the workspaces the user is a member of.')

/** Personal data by law in many places: hosts may leave all of it out. */
const client = z
  .object({
    ip: orNull(z.union([z.ipv4(), z.ipv6()]), 'IP address of the client; null if not kept.'),
    userAgent: orNull(z.string().min(1), 'User-Agent header of the client; null if not kept.'),
    country: orNull(
      z.string().regex(/^[A-Z]{2}$/),
      'Country of the address as an ISO 3166-1 alpha-2 code; null if unknown.',
    ),
  })
  .describe('Where the request came from.')

const session = z
  .object({
    id: id('Id of the session, the same at login and logout. It grants no access.'),
  })
  .describe('The session.')

const created = z
  .object({
    user: user.describe('The new user.'),
    actor: actor.describe('Who created the account; the user itself at registration.'),
    method: z
      .enum(['registration', 'invitation', 'admin', 'sso', 'directory'])
      .describe('How the account came to be.'),
    workspaceIds,
    createdAt: instant('When the account was created.'),
  })
  .describe('A user account was created.')

const updated = z
  .object({
    user: user.describe('The user after the change.'),
    actor,
    changes,
    updatedAt: instant('When the change took effect.'),
  })
  .describe('A user account changed, such as its name, address or role.')

const deleted = z
  .object({
    user: user.describe('The user as it was.'),
    actor,
    reason: z
      .enum(['self', 'admin', 'inactivity', 'directory'])
      .describe(
        'Deleted by the user, by an administrator, after inactivity, or by directory sync.',
      ),
    workspaceIds: workspaceIds.describe('Ids of the workspaces the user was a member of.'),
    deletedAt: instant('When the account was deleted.'),
  })
  .describe('A user account was deleted. Receivers that keep personal data should erase it.')

const login = z
  .object({
    user,
    session,
    method: z
      .enum(['password', 'sso', 'magic_link', 'passkey'])
      .describe('How the user proved who it is.'),
    multiFactor: z.boolean().describe('Whether a second factor was asked for and given.'),
    client,
    loggedInAt: instant('When the session began.'),
  })
  .describe('A user logged in.')

const logout = z
  .object({
    user,
    session,
    reason: z
      .enum(['user', 'expired', 'revoked', 'account_disabled'])
      .describe('Logged out by the user, session expired, revoked, or account disabled.'),
    client,
    sessionDurationMs: orNull(
      durationMs('Length of the session.'),
      'Time from login to logout; null if the login is not known.',
    ),
    loggedOutAt: instant('When the session ended.'),
  })
  .describe('A session of a user ended.')

/** Accounts and sessions. */
export const userEvents = {
  'user.created': created,
  'user.updated': updated,
  'user.deleted': deleted,
  'user.login': login,
  'user.logout': logout,
}
