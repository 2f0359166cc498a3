import type { Settlement, Storage } from '../storage.ts'
import type { Database, Param } from './database.ts'
import { instantArray, jsonOrNull, plainArray, TextList } from './values.ts'

export async function settleDeliveries(
  database: Database,
  { now, settlements }: Parameters<Storage['settleDeliveries']>[0],
): Promise<string[]> {
  const firsts = firstUnderEachToken(settlements)
  const params = [now, ...nextStates(firsts), ...attemptParams(firsts)]
  const rows = await database.call<{ settle_deliveries: string }>('settle_deliveries', params)
  const accepted = new Set(rows.map((row) => row.settle_deliveries))
  return [...new Set(settlements.map(({ id }) => id))].filter((id) => accepted.has(id))
}

/** Of two under one token, the first counts; under two tokens, the one that holds does. */
function firstUnderEachToken(settlements: Settlement[]): Settlement[] {
  const firsts = new Map<string, Settlement>()
  for (const settlement of settlements) {
    const key = JSON.stringify([settlement.id, settlement.leaseToken])
    if (!firsts.has(key)) firsts.set(key, settlement)
  }
  return [...firsts.values()]
}

function nextStates(settlements: Settlement[]): Param[] {
  return [
    new TextList(settlements.map((given) => given.id)),
    new TextList(settlements.map((given) => given.leaseToken)),
    new TextList(settlements.map((given) => given.status)),
    instantArray(settlements.map((given) => given.dueAt)),
    plainArray(settlements.map((given) => given.attempts)),
    plainArray(settlements.map((given) => given.step)),
    plainArray(settlements.map((given) => given.faults)),
    plainArray(settlements.map((given) => given.responseStatus)),
    new TextList(settlements.map((given) => jsonOrNull(given.lastError))),
    new TextList(settlements.map((given) => given.cancelReason)),
    instantArray(settlements.map((given) => given.completedAt)),
  ]
}

/** Attempts as our functions take them. */
export function attemptParams(settlements: Settlement[]): Param[] {
  const rows = settlements.map(({ attempt }) => attempt)
  const responses = rows.map(({ response }) => response)
  return [
    new TextList(rows.map((row) => row.id)),
    plainArray(rows.map((row) => row.number)),
    instantArray(rows.map((row) => row.startedAt)),
    plainArray(rows.map((row) => row.durationMs)),
    plainArray(rows.map((row) => row.succeeded)),
    new TextList(rows.map((row) => row.url)),
    new TextList(rows.map((row) => JSON.stringify(row.requestHeaders))),
    new TextList(rows.map((row) => jsonOrNull(row.error))),
    plainArray(responses.map((response) => response?.status ?? null)),
    new TextList(responses.map((response) => response && JSON.stringify(response.headers))),
    new TextList(responses.map((response) => response?.body ?? null)),
    plainArray(responses.map((response) => response?.bodyTruncated ?? null)),
  ]
}
