/* The inside of a replica: its stations, by id and by code, and its routes. For
 * catalog*.c only; others use catalog.h. */
#ifndef ENGINE_CATALOG_PLACES_H
#define ENGINE_CATALOG_PLACES_H

#include "catalog.h"

struct places;

struct places *places_new(void); /* NULL: out of memory */
void places_free(struct places *places);

/* As catalog_put_station, catalog_put_route. */
bool places_put_station(struct places *places, const struct catalog_station *station);
bool places_put_route(struct places *places, const struct catalog_route *route);

const struct places *catalog_places(const struct catalog *catalog);

#endif
