/* A directory for each test, with a configuration file in it. */
#ifndef TESTS_UNIT_CONFIG_FIXTURE_H
#define TESTS_UNIT_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../engine/config.h"

enum { ERROR_BYTES = 1024 };

struct fixture {
    char directory[64];
    char path[96];
    char error[ERROR_BYTES];
    struct config config;
};

static inline int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL)
        return -1;
    (void)snprintf(fixture->directory, sizeof fixture->directory, "/tmp/test_config.XXXXXX");
    if (mkdtemp(fixture->directory) == NULL) {
        free(fixture);
        return -1;
    }
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/config.toml", fixture->directory);
    *state = fixture;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *fixture = *state;
    (void)unlink(fixture->path);
    (void)unlink(fixture->config.auth.jwt_keys_file);
    (void)rmdir(fixture->directory);
    free(fixture);
    return 0;
}

static inline void file_write(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
