#include "control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* An address holds 107 bytes of path, less than a data directory may need, and a
 * path may be swapped between a check and its use. So the directory is opened
 * once, checked, and named by its descriptor from then on. */
struct place {
    int directory;
    const char *name; /* the last part of the path */
    struct sockaddr_un address;
};

enum { LISTEN_BACKLOG = 16 };

static bool directory_name(const char *path, char *directory, size_t bytes, const char **name)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : (size_t)(slash - path);
    *name = slash == NULL ? path : slash + 1;
    if (**name == '\0' || strlen(*name) > 64 || length + 1 > bytes) {
        return false;
    }
    if (slash == path) {
        length = 1; /* in the root directory */
    }
    memcpy(directory, slash == NULL ? "." : path, length);
    directory[length] = '\0';
    return true;
}

/* 0, or a negative errno. */
static int place_open(struct place *place, const char *path, bool make)
{
    char directory[PATH_MAX];
    if (!directory_name(path, directory, sizeof directory, &place->name)) {
        return -ENAMETOOLONG;
    }
    if (make && mkdir(directory, 0700) != 0 && errno != EEXIST) {
        return -errno;
    }
    place->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (place->directory < 0) {
        return -errno;
    }
    place->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(place->address.sun_path, sizeof place->address.sun_path, "/proc/self/fd/%d/%s",
             place->directory, place->name);
    return 0;
}

static int place_connect(const struct place *place)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (connect(fd, (const struct sockaddr *)&place->address, sizeof place->address) != 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

int control_socket_connect(const char *path)
{
    struct place place;
    int result = place_open(&place, path, false);
    if (result != 0) {
        return result;
    }
    result = place_connect(&place);
    close(place.directory);
    return result;
}

static bool directory_private(const struct place *place, const char *path, char *error,
                              size_t error_bytes)
{
    struct stat status;
    if (fstat(place->directory, &status) != 0) {
        snprintf(error, error_bytes, "%s: %s", path, strerror(errno));
        return false;
    }
    if (status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
        snprintf(error, error_bytes,
                 "%s: its directory has mode %04o and owner %u; it must be 0700 and owned by "
                 "user %u, who runs the engine",
                 path, (unsigned)status.st_mode & 07777U, status.st_uid, geteuid());
        return false;
    }
    return true;
}

/* Makes way for our socket: nothing there, or a dead socket of ours. */
static bool clear_stale(const struct place *place, const char *path, char *error,
                        size_t error_bytes)
{
    struct stat status;
    if (fstatat(place->directory, place->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) {
            return true;
        }
        snprintf(error, error_bytes, "%s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid()) {
        snprintf(error, error_bytes, "%s: exists and is not a socket of ours; remove it", path);
        return false;
    }
    int fd = place_connect(place);
    if (fd >= 0) {
        close(fd);
        snprintf(error, error_bytes, "%s: another engine listens here", path);
        return false;
    }
    if (fd != -ECONNREFUSED) {
        snprintf(error, error_bytes, "%s: %s", path, strerror(-fd));
        return false;
    }
    if (unlinkat(place->directory, place->name, 0) != 0 && errno != ENOENT) {
        snprintf(error, error_bytes, "%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

/* Nobody can connect between bind and listen, so the mode is tight in time. */
static int listen_at(const struct place *place, const char *path, char *error, size_t error_bytes)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&place->address, sizeof place->address) == 0 &&
        fchmodat(place->directory, place->name, 0600, 0) == 0 && listen(fd, LISTEN_BACKLOG) == 0) {
        return fd;
    }
    snprintf(error, error_bytes, "%s: %s", path, strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

int control_socket_listen(const char *path, char *error, size_t error_bytes)
{
    struct place place;
    int result = place_open(&place, path, true);
    if (result != 0) {
        snprintf(error, error_bytes, "%s: %s", path, strerror(-result));
        return -1;
    }
    int fd = -1;
    if (directory_private(&place, path, error, error_bytes) &&
        clear_stale(&place, path, error, error_bytes)) {
        fd = listen_at(&place, path, error, error_bytes);
    }
    close(place.directory);
    return fd;
}

bool control_socket_trusted(int fd, uid_t *uid, pid_t *pid)
{
    struct ucred peer = {.uid = (uid_t)-1, .pid = -1};
    socklen_t length = sizeof peer;
    bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
    *uid = peer.uid;
    *pid = peer.pid;
    return known && (peer.uid == 0 || peer.uid == geteuid());
}

void control_socket_close(int fd, const char *path)
{
    /* Closed first: were another engine to start now, it would find a dead
     * socket, replace it, and its own must not be removed. A socket that
     * answers is another's. */
    close(fd);
    struct place place;
    if (place_open(&place, path, false) != 0) {
        return;
    }
    int other = place_connect(&place);
    if (other >= 0) {
        close(other);
    } else if (other == -ECONNREFUSED) {
        unlinkat(place.directory, place.name, 0);
    }
    close(place.directory);
}
