/* The HTTP server of one worker: its listener, connections and framing, behind
 * engine/transport.h.
 *
 * How main wires it:
 *   once       bells_new(shard_count + 1); listener_open(config->server.listen,
 *              shard_count, descriptors, bound, ...); `bound` is the ready line's address
 *   each       on its own thread: reactor_new(bells, index, ...) ->
 *   worker     journal on the reactor -> rest_new(worker, config) ->
 *              server_new(worker, reactor, rest, config, descriptors[index]) ->
 *              server_transport -> worker_attach -> server_start -> worker_run ->
 *              server_free -> rest_free -> journal -> reactor_free
 *   control    bell_ring(bells, index) wakes a worker; its own descriptor is
 *              bell_descriptor(bells, shard_count)
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "../engine/config.h"
#include "../engine/transport.h"
#include "http.h"
#include "reactor.h"

struct server;

/* Takes over the listening descriptor on success. Accepts nothing yet. NULL:
 * out of memory, or the kernel refuses the receive buffers. */
struct server *server_new(struct worker *worker, struct reactor *reactor, struct rest *rest,
                          const struct config *config, int listener);

/* Fills the port; valid until server_free. */
void server_transport(struct server *server, struct transport *transport);

/* Begins to accept: once the shard has recovered. */
void server_start(struct server *server);

/* Closes what is still open. The reactor must still exist; its remaining
 * completions are reaped here. */
void server_free(struct server *server);

#endif
