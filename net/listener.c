#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 4096, USER_TIMEOUT_MS = 30000 };

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool port_parse(const char *text, uint16_t *port)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

static bool address_parse(const char *text, union socket_address *address)
{
    char host[INET6_ADDRSTRLEN];
    uint16_t port;
    bool v6 = text[0] == '[';
    const char *end = v6 ? strstr(text, "]:") : strrchr(text, ':');
    const char *start = v6 ? text + 1 : text;
    if (!end || (size_t)(end - start) >= sizeof host || !port_parse(end + (v6 ? 2 : 1), &port))
        return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    memset(address, 0, sizeof *address);
    if (v6) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        return inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1;
    }
    address->v4.sin_family = AF_INET;
    address->v4.sin_port = htons(port);
    return inet_pton(AF_INET, host, &address->v4.sin_addr) == 1;
}

static socklen_t address_bytes(const union socket_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

static void address_format(const union socket_address *address, char *text, size_t bytes)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
        snprintf(text, bytes, "[%s]:%u", host, ntohs(address->v6.sin6_port));
    } else {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(text, bytes, "%s:%u", host, ntohs(address->v4.sin_port));
    }
}

/* What accepted sockets inherit. bbr, a common default, paces even on loopback
 * and costs a timer per burst; where neither is offered the default stays. */
static void tune(int fd)
{
    int one = 1;
    unsigned timeout = USER_TIMEOUT_MS;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5))
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
}

/* A bound and listening socket, or -errno. Fills in the port if it was 0. */
static int open_one(union socket_address *address, bool share)
{
    int one = 1;
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    socklen_t bytes = address_bytes(address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (share)
        tune(fd);
    if ((share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one)) ||
        bind(fd, &address->any, bytes) || (share && listen(fd, LISTEN_BACKLOG)) ||
        getsockname(fd, &address->any, &bytes)) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

/* The usual soft limit of 1,024 is for programs that still use select(). */
static void descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int listener_open(const char *address, uint16_t count, int *descriptors,
                  char bound[LISTENER_ADDRESS_BYTES], char *error, size_t error_bytes)
{
    union socket_address at;
    if (!address_parse(address, &at)) {
        snprintf(error, error_bytes, "listen: \"%s\" is not ADDRESS:PORT or [v6]:PORT", address);
        return -EINVAL;
    }
    descriptors_raise();
    int probe = open_one(&at, false);
    if (probe >= 0)
        close(probe);
    int result = probe < 0 ? probe : 0;
    uint16_t opened = 0;
    while (result == 0 && opened < count) {
        int fd = open_one(&at, true);
        if (fd < 0)
            result = fd;
        else
            descriptors[opened++] = fd;
    }
    if (result == 0) {
        address_format(&at, bound, LISTENER_ADDRESS_BYTES);
        return 0;
    }
    while (opened > 0)
        close(descriptors[--opened]);
    snprintf(error, error_bytes, "listen: %s: %s", address,
             result == -EADDRINUSE ? "another process listens on this address" : strerror(-result));
    return result;
}
