/* What texts of people may hold. All take valid UTF-8 and are pure. */
#ifndef NET_REST_TEXT_H
#define NET_REST_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "../engine/catalog.h"

/* One line to be shown to people: not blank, no control characters, no line or
 * paragraph separators, nothing that reorders or hides what stands beside it
 * (bidirectional overrides, embeddings, isolates and marks; zero-width spaces). */
bool rest_text_is_line(struct text text);

/* The same, but may be blank and may hold line feeds and tabs. */
bool rest_text_is_prose(struct text text);

/* [a-z0-9-], neither beginning nor ending with '-', not a UUID and not a word
 * that has a meaning in a path ("my"). */
bool rest_text_is_slug(struct text text);

/* http:// or https://, a host, and only visible ASCII that needs no quoting. */
bool rest_text_is_url(struct text text);

/* Makes a slug of a title: ASCII letters and digits are kept in lower case, runs
 * of anything else become one '-'. Writes at most `max` bytes; returns how many,
 * 0 when nothing of the title can stand in a slug. */
size_t rest_slug_of(struct text title, char *out, size_t max);

#endif
