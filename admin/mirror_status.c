#include "mirror_status.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_tree.h>

static size_t read_file(const char *path, char *out, size_t bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return 0;
    }
    size_t length = 0;
    while (length < bytes) {
        ssize_t got = read(fd, out + length, bytes - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        length += (size_t)got;
    }
    close(fd);
    return length;
}

size_t mirror_status_read(const char *data_dir, char *out)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/mirror-status.json", data_dir) >= (int)sizeof path) {
        return 0;
    }
    size_t length = read_file(path, out, MIRROR_STATUS_BYTES_MAX);
    if (length == 0 || length == MIRROR_STATUS_BYTES_MAX || memchr(out, '\0', length) != NULL) {
        return 0;
    }
    out[length] = '\0';
    yajl_val tree = yajl_tree_parse(out, NULL, 0);
    bool good = YAJL_IS_OBJECT(tree);
    yajl_tree_free(tree);
    /* JSON has no raw newline inside a text, so any is white space. */
    for (size_t i = 0; i < length; i++) {
        if (out[i] == '\n' || out[i] == '\r') {
            out[i] = ' ';
        }
    }
    return good ? length : 0;
}
