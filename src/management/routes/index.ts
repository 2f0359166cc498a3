import type { Route } from '../route.ts'
import { deliveryRoutes } from './deliveries.ts'
import { endpointRoutes } from './endpoints.ts'
import { overviewRoutes } from './overview.ts'

/** Every route. Fixed paths come first: `/stats` is not the endpoint "stats". */
export const routes: readonly Route[] = [...overviewRoutes, ...endpointRoutes, ...deliveryRoutes]
