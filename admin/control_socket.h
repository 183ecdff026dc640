/* The admin socket in the file system: a Unix stream socket of mode 0600 in a
 * directory of mode 0700, both of the user the engine runs as. */
#ifndef ADMIN_CONTROL_SOCKET_H
#define ADMIN_CONTROL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Makes the directory if it is missing, replaces a dead socket of ours, and
 * listens. Refuses a directory that others may enter, a path that is not a
 * socket of ours, and one that somebody listens on. Returns the descriptor, or
 * -1 with `error` saying which and what to do. */
int control_socket_listen(const char *path, char *error, size_t error_bytes);

/* Connects; the descriptor, or a negative errno. */
int control_socket_connect(const char *path);

/* True if the connected peer runs as us or as root; tells who it is. */
bool control_socket_trusted(int fd, uid_t *uid, pid_t *pid);

/* Closes the listener, and removes its file if it is still this socket's. */
void control_socket_close(int fd, const char *path);

#endif
