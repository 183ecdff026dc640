/* JSON documents as a flat, bounded array of nodes. Validation is strict and
 * complete (RFC 8259, UTF-8) before the first node is handed out, and stricter
 * where requests need it: duplicate keys, deep nesting, too many keys and any
 * top level but an object are refused. The parsing itself is simdjson's. */
#ifndef NET_JSON_H
#define NET_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    JSON_DEPTH_MAX = 16,
    JSON_KEYS_MAX = 128, /* of a document; of a large one in each object */
    JSON_NODES_MAX = 512,
    JSON_LARGE_NODES_MAX = 1 << 16
};

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* Nodes are in document order; node 0 is the top-level object. The children of
 * a container follow it; `next` is the index after its last descendant, so that
 * a walk over children is i = nodes[i].next. */
struct json_node {
    uint8_t type; /* enum json_type */
    uint32_t next;
    uint32_t key_length;
    uint32_t text_length;
    const char *key;  /* unescaped; NULL in an array and at the top */
    const char *text; /* strings: unescaped, may hold NUL; numbers: as written */
};

enum json_result {
    JSON_OK,
    JSON_INVALID,       /* not JSON, or not UTF-8 */
    JSON_NOT_OBJECT,    /* JSON, but the top level is something else */
    JSON_TOO_DEEP,      /* nesting beyond JSON_DEPTH_MAX */
    JSON_TOO_MANY,      /* more keys or nodes than the bounds above */
    JSON_DUPLICATE_KEY, /* within one object */
    JSON_TOO_LONG       /* more bytes than the parser was made for */
};

/* A parser with all the memory it will ever use. One thread. */
struct json_parser;

/* NULL: out of memory. A large one takes documents of many small objects. */
struct json_parser *json_parser_new(size_t document_bytes_max);
struct json_parser *json_parser_new_large(size_t document_bytes_max);
void json_parser_free(struct json_parser *parser);

/* Allocates nothing. Nodes and texts hold until the next parse; `text` itself
 * is copied and may go away. On any result but JSON_OK *count is 0. */
enum json_result json_parse(struct json_parser *parser, const char *text, size_t length,
                            const struct json_node **nodes, uint32_t *count);

/* What is wrong, as a sentence for the client. */
const char *json_result_message(enum json_result result);

/* A number written as a plain integer: digits, no sign but '-', no fraction, no
 * exponent, no "-0". False: anything else, or outside int64. */
bool json_integer(const struct json_node *node, int64_t *value);

/* Is the node's key (or text) exactly this? */
bool json_key_is(const struct json_node *node, const char *key, size_t length);
bool json_text_is(const struct json_node *node, const char *text, size_t length);

#ifdef __cplusplus
}
#endif

#endif
