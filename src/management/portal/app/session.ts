import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { ManagementAction } from '../../access.ts'
import type { Session } from './api.ts'

export const SessionContext = createContext<Session>({ tenantId: '', actions: [] })

/** Whether the visitor may do something: what is not permitted is not offered. */
export function useCan(): (action: ManagementAction) => boolean {
  const { actions } = useContext(SessionContext)
  return (action) => actions.includes(action)
}
