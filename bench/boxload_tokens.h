/* The users of a run: a file of `UUID TOKEN` lines, as `boxctl token --count`
 * prints them. Read once, then only read; the texts live with the list. */
#ifndef BENCH_BOXLOAD_TOKENS_H
#define BENCH_BOXLOAD_TOKENS_H

#include <stddef.h>
#include <stdint.h>

enum { TOKEN_BYTES_MAX = 1024, TOKEN_ID_LENGTH = 36 };

struct token {
    const char *id;   /* 36 characters, not terminated */
    const char *text; /* the JWT, not terminated */
    uint32_t length;
};

struct token_list {
    uint32_t count;
    struct token *items;
    char *file; /* what the tokens point into */
};

/* 0, or -1 with a line for a person in `error`; then nothing is held. An empty
 * file is an error. */
int token_list_load(struct token_list *list, const char *path, char *error, size_t error_bytes);
void token_list_release(struct token_list *list);

#endif
