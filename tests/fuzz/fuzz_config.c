/* Any bytes as a configuration file: either it loads into legal values, or the
 * refusal is one printable line. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../engine/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The loader reads files, so the bytes become one that has no disk under it. */
static int file_of(const uint8_t *data, size_t size, char *path, size_t path_bytes)
{
    const int fd = memfd_create("config", MFD_CLOEXEC);
    assert(fd >= 0);
    const ssize_t written = write(fd, data, size);
    assert(written == (ssize_t)size);
    (void)snprintf(path, path_bytes, "/proc/self/fd/%d", fd);
    return fd;
}

static void check_values(const struct config *config)
{
    assert(config->booking.reservation_ttl_seconds >= 1);
    assert(config->engine.shards <= 64);
    assert(config->cors.origin_count <= CONFIG_ORIGINS_MAX);
    assert(memchr(config->server.listen, ':', sizeof config->server.listen) != NULL);
    assert(memchr(config->mirror.postgres, '\0', sizeof config->mirror.postgres) != NULL);
}

static void check_message(const char *error)
{
    assert(error[0] != '\0');
    for (const char *c = error; *c != '\0'; c++)
        assert(*c >= 0x20 && *c < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    char error[512] = "";
    struct config config;
    const int fd = file_of(data, size, path, sizeof path);
    if (config_load(&config, path, error, sizeof error)) {
        check_values(&config);
        if (config_check(&config, error, sizeof error))
            assert(config.engine.shards >= 1 && config.admin.socket[0] != '\0');
        else
            check_message(error);
    } else {
        check_message(error);
    }
    (void)close(fd);
    return 0;
}
