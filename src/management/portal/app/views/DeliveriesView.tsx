import { DeliveryLog } from '../parts/DeliveryLog.tsx'
import { Heading } from '../parts/Heading.tsx'

/** The log of all endpoints. */
export function DeliveriesView() {
  return (
    <>
      <div class="view-head">
        <div>
          <Heading title="Deliveries">Delivery log</Heading>
          <p class="muted">Every event that was owed to one of your endpoints, newest first.</p>
        </div>
      </div>
      <DeliveryLog endpoint={null} />
    </>
  )
}
