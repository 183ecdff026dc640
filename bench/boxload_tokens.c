#include "boxload_tokens.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *file_read(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    long size;
    if (!file)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 &&
        fseek(file, 0, SEEK_SET) == 0 && (bytes = malloc((size_t)size + 1)) != NULL) {
        *length = fread(bytes, 1, (size_t)size, file);
        bytes[*length] = '\0';
    }
    fclose(file);
    return bytes;
}

/* Cuts one line into id and token. False: not `UUID TOKEN`. */
static bool token_parse(struct token *token, char *line, size_t length)
{
    size_t text_length;
    if (length <= TOKEN_ID_LENGTH + 1 || line[TOKEN_ID_LENGTH] != ' ')
        return false;
    text_length = length - TOKEN_ID_LENGTH - 1;
    if (text_length > TOKEN_BYTES_MAX || memchr(line + TOKEN_ID_LENGTH + 1, ' ', text_length))
        return false;
    *token = (struct token){line, line + TOKEN_ID_LENGTH + 1, (uint32_t)text_length};
    return true;
}

static int tokens_parse(struct token_list *list, const char *path, size_t length, char *error,
                        size_t error_bytes)
{
    char *at = list->file, *end = list->file + length;
    uint32_t line_number = 0, capacity = 0;
    while (at < end) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        char *stop = newline ? newline : end;
        line_number++;
        if (list->count == capacity) {
            capacity = capacity ? capacity * 2 : 1024;
            struct token *grown = realloc(list->items, capacity * sizeof *grown);
            if (!grown) {
                snprintf(error, error_bytes, "out of memory");
                return -1;
            }
            list->items = grown;
        }
        if (!token_parse(&list->items[list->count], at, (size_t)(stop - at))) {
            snprintf(error, error_bytes, "%s:%u: expected `UUID TOKEN`", path, line_number);
            return -1;
        }
        list->count++;
        at = stop + 1;
    }
    if (list->count == 0) {
        snprintf(error, error_bytes, "%s: no tokens in it", path);
        return -1;
    }
    return 0;
}

int token_list_load(struct token_list *list, const char *path, char *error, size_t error_bytes)
{
    size_t length = 0;
    *list = (struct token_list){0};
    list->file = file_read(path, &length);
    if (!list->file) {
        snprintf(error, error_bytes, "%s: %s", path, strerror(errno));
        return -1;
    }
    if (tokens_parse(list, path, length, error, error_bytes) != 0) {
        token_list_release(list);
        return -1;
    }
    return 0;
}

void token_list_release(struct token_list *list)
{
    free(list->items);
    free(list->file);
    *list = (struct token_list){0};
}
