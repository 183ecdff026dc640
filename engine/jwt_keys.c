#include "jwt_keys.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config.h"

enum {
    SECRET_BYTES_MIN = 32,
    SECRET_DISTINCT_MIN = 12, /* 43 random base64url characters have about 31 */
    SECRET_RANDOM_CHARACTERS = 43,
    LINE_BYTES = 512
};

static const char *problem_of_kid(const char *kid, size_t length)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (length == 0 || length >= sizeof((struct config_jwt_key *)0)->kid)
        return "expected a kid of 1 to 63 characters";
    if (strspn(kid, allowed) < length)
        return "expected a kid of letters, digits, '.', '_' and '-'";
    return NULL;
}

/* Words that give away a key copied from a manual instead of drawn at random. */
static bool secret_is_sample(const char *secret)
{
    static const char *const words[] = {"secret",  "change", "example", "password",
                                        "default", "sample", "test",    "boxoffice"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasestr(secret, words[i]) != NULL)
            return true;
    }
    return false;
}

static const char *problem_of_secret(const char *secret)
{
    bool seen[128] = {false};
    size_t distinct = 0;
    const size_t length = strlen(secret);
    if (length < SECRET_BYTES_MIN || length >= sizeof((struct config_jwt_key *)0)->secret)
        return "expected a secret of 32 to 255 characters";
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)secret[i];
        if (c <= 0x20 || c >= 0x7f)
            return "expected a secret of printable ASCII without spaces";
        distinct += seen[c] ? 0 : 1;
        seen[c] = true;
    }
    if (distinct < SECRET_DISTINCT_MIN)
        return "expected a random secret, found one of few different characters";
    if (secret_is_sample(secret))
        return "expected a random secret, found a word that samples contain";
    return NULL;
}

static bool kid_is_taken(const struct config *config, const char *kid)
{
    for (uint32_t i = 0; i < config->auth.jwt_key_count; i++) {
        if (strcmp(config->auth.jwt_keys[i].kid, kid) == 0)
            return true;
    }
    return false;
}

/* Takes one line without its newline; returns what is wrong with it. */
static const char *line_take(struct config *config, const char *line)
{
    if (line[0] == '#' || line[0] == '\0')
        return NULL;
    const char *colon = strchr(line, ':');
    if (colon == NULL)
        return "expected kid:secret";
    const size_t kid_length = (size_t)(colon - line);
    const char *problem = problem_of_kid(line, kid_length);
    if (problem == NULL)
        problem = problem_of_secret(colon + 1);
    if (problem != NULL)
        return problem;
    if (config->auth.jwt_key_count == CONFIG_KEYS_MAX)
        return "expected at most 8 keys";

    struct config_jwt_key key = {0};
    memcpy(key.kid, line, kid_length);
    memcpy(key.secret, colon + 1, strlen(colon + 1));
    if (kid_is_taken(config, key.kid))
        return "expected each kid once";
    config->auth.jwt_keys[config->auth.jwt_key_count++] = key;
    memcpy(config->auth.jwt_sign_kid, key.kid, sizeof key.kid);
    return NULL;
}

static bool lines_take(struct config *config, FILE *file, char *error, size_t error_bytes)
{
    char line[LINE_BYTES];
    unsigned int number = 0;
    const char *problem = NULL;
    while (problem == NULL && fgets(line, sizeof line, file) != NULL) {
        const size_t length = strcspn(line, "\r\n");
        number++;
        problem = length + 1 == sizeof line ? "line too long" : NULL;
        line[length] = '\0';
        if (problem == NULL)
            problem = line_take(config, line);
    }
    explicit_bzero(line, sizeof line);
    if (problem == NULL && config->auth.jwt_key_count == 0)
        problem = "expected at least one key";
    if (problem == NULL)
        return true;
    (void)snprintf(error, error_bytes, "%s:%u: %s", config->auth.jwt_keys_file, number, problem);
    return false;
}

bool jwt_keys_load(struct config *config, char *error, size_t error_bytes)
{
    const char *path = config->auth.jwt_keys_file;
    struct stat status;
    FILE *file = fopen(path, "re");
    config->auth.jwt_key_count = 0;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        (void)snprintf(error, error_bytes,
                       "%s: cannot read the signing keys: %s (--init makes them)", path,
                       strerror(errno));
        if (file != NULL)
            (void)fclose(file);
        return false;
    }
    bool good = (status.st_mode & 077) == 0;
    if (!good)
        (void)snprintf(error, error_bytes, "%s: expected mode 0600, found %04o: others could sign",
                       path, status.st_mode & 07777);
    char buffer[BUFSIZ];
    (void)setvbuf(file, buffer, _IOFBF, sizeof buffer);
    good = good && lines_take(config, file, error, error_bytes);
    (void)fclose(file);
    explicit_bzero(buffer, sizeof buffer);
    return good;
}

static void secret_draw(char secret[SECRET_RANDOM_CHARACTERS + 1])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char random[SECRET_RANDOM_CHARACTERS];
    do { /* once in some ten million draws a sample word comes up */
        const ssize_t got = getrandom(random, sizeof random, 0);
        assert(got == (ssize_t)sizeof random); /* never short below 256 bytes */
        for (size_t i = 0; i < sizeof random; i++)
            secret[i] = alphabet[random[i] & 63];
        secret[sizeof random] = '\0';
    } while (problem_of_secret(secret) != NULL);
    explicit_bzero(random, sizeof random);
}

static int directory_sync(const char *path)
{
    char copy[CONFIG_TEXT_BYTES];
    (void)snprintf(copy, sizeof copy, "%s", path);
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    const int result = fsync(fd) == 0 ? 0 : -errno;
    (void)close(fd);
    return result;
}

static int file_create(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : -errno;
    int result = 0;
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd) != 0)
        result = errno != 0 ? -errno : -EIO;
    if (close(fd) != 0 && result == 0)
        result = -errno;
    if (result == 0)
        result = directory_sync(path);
    if (result != 0)
        (void)unlink(path); /* half a key would stop the next start */
    return result;
}

bool jwt_keys_create(const struct config *config, char *error, size_t error_bytes)
{
    char secret[SECRET_RANDOM_CHARACTERS + 1];
    char text[LINE_BYTES];
    secret_draw(secret);
    /* The kid is the day it was made: enough to tell keys apart when rotating. */
    char kid[32];
    struct tm utc;
    const time_t now = time(NULL);
    (void)gmtime_r(&now, &utc);
    (void)strftime(kid, sizeof kid, "key-%Y%m%d", &utc);
    (void)snprintf(
        text, sizeof text,
        "# Signing keys of access tokens, kid:secret a line. The last one signs.\n%s:%s\n", kid,
        secret);
    const int result = file_create(config->auth.jwt_keys_file, text);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(text, sizeof text);
    if (result != 0)
        (void)snprintf(error, error_bytes, "%s: cannot create: %s", config->auth.jwt_keys_file,
                       strerror(-result));
    return result == 0;
}
