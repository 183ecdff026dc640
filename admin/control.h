/* The control thread: serves the admin socket and watches the workers. It reads
 * published counters, asks shards through their mailboxes as thread number
 * shard_count, and nothing it does can block a worker. The protocol is one JSON
 * request a line and one JSON answer a line: docs/operations.md.
 *
 * All functions: the main thread. */
#ifndef ADMIN_CONTROL_H
#define ADMIN_CONTROL_H

#include "../engine/worker.h"
#include "../net/bell.h"

struct control;

/* Opens the socket at config->admin.socket. `bells` may be NULL, then answers of
 * sleeping workers take until they wake. All arguments outlive the control.
 * NULL with a line in `error`: see control_socket.h. */
struct control *control_new(struct worker_group *group, struct bells *bells,
                            const struct config *config, char *error, size_t error_bytes);

/* Starts the thread, once the workers run. False: the system has no room. */
bool control_start(struct control *control);

/* Ends the thread and removes the socket; after the workers have ended. */
void control_stop(struct control *control);
void control_free(struct control *control); /* NULL is fine */

#endif
