/**
 * How parameters stand in a statement that may run through any driver: all of them are declared as
 * text, so that nothing between us and the server has a type to convert.
 */
export type Place = (param: string) => string

/** A parameter that is read as a value of this type. */
export function as(type: string): Place {
  return (param) => `${param}::text::${type}`
}

/** The parameters of a statement: `$1::text::text, $2::text::bigint`. */
export function placesOf(places: Place[]): string {
  return places.map((place, index) => place(`$${index + 1}`)).join(', ')
}
