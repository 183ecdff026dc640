/* The handlers that the route table names; each is described by its operation in
 * docs/openapi.yaml. All run on the worker's thread. */
#ifndef NET_REST_ROUTES_H
#define NET_REST_ROUTES_H

#include "http.h"

struct rest_call;

/* rest_reserve.c, rest_change.c, rest_booking.c, rest_order.c: become commands */
enum rest_outcome rest_booking_reserve(struct rest_call *call);
enum rest_outcome rest_booking_confirm(struct rest_call *call);
enum rest_outcome rest_booking_cancel(struct rest_call *call);
enum rest_outcome rest_booking_extend(struct rest_call *call);
enum rest_outcome rest_booking_release(struct rest_call *call);
enum rest_outcome rest_booking_exchange(struct rest_call *call);
enum rest_outcome rest_booking_transfer(struct rest_call *call);
enum rest_outcome rest_booking_refund(struct rest_call *call);
enum rest_outcome rest_booking_list(struct rest_call *call);
enum rest_outcome rest_booking_pending(struct rest_call *call);
enum rest_outcome rest_booking_summary(struct rest_call *call);
enum rest_outcome rest_booking_get(struct rest_call *call);
enum rest_outcome rest_order_create(struct rest_call *call);
enum rest_outcome rest_order_confirm(struct rest_call *call);
enum rest_outcome rest_order_cancel(struct rest_call *call);
enum rest_outcome rest_order_get(struct rest_call *call);

/* rest_catalog.c: answered from the worker's replica */
enum rest_outcome rest_event_list(struct rest_call *call);
enum rest_outcome rest_event_get(struct rest_call *call);
enum rest_outcome rest_event_shows(struct rest_call *call);
enum rest_outcome rest_show_get(struct rest_call *call);
enum rest_outcome rest_show_zones(struct rest_call *call);
enum rest_outcome rest_zone_get(struct rest_call *call);

/* rest_organizer.c: become commands */
enum rest_outcome rest_event_create(struct rest_call *call);
enum rest_outcome rest_event_publish(struct rest_call *call);
enum rest_outcome rest_event_unpublish(struct rest_call *call);
enum rest_outcome rest_event_cancel(struct rest_call *call);
enum rest_outcome rest_event_close(struct rest_call *call);
enum rest_outcome rest_event_reopen(struct rest_call *call);

/* rest_trip.c: become commands */
enum rest_outcome rest_station_create(struct rest_call *call);
enum rest_outcome rest_route_create(struct rest_call *call);
enum rest_outcome rest_show_create(struct rest_call *call);

/* rest_zone.c, rest_block.c: become commands */
enum rest_outcome rest_zone_create(struct rest_call *call);
enum rest_outcome rest_zone_capacity(struct rest_call *call);
enum rest_outcome rest_zone_close(struct rest_call *call);
enum rest_outcome rest_zone_reopen(struct rest_call *call);
enum rest_outcome rest_block_create(struct rest_call *call);
enum rest_outcome rest_block_end(struct rest_call *call);
enum rest_outcome rest_block_list(struct rest_call *call);

/* rest_seat_map.c: becomes a command, but for seats without their states */
enum rest_outcome rest_seat_map(struct rest_call *call);

/* rest_trip_search.c: answered from the worker's replica */
enum rest_outcome rest_station_list(struct rest_call *call);
enum rest_outcome rest_route_list(struct rest_call *call);
enum rest_outcome rest_trip_search(struct rest_call *call);

/* rest_operations.c: answered from published counters */
enum rest_outcome rest_health(struct rest_call *call);
enum rest_outcome rest_ready(struct rest_call *call);
enum rest_outcome rest_metrics(struct rest_call *call);

#endif
