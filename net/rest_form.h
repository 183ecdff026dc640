/* Bodies of requests: each operation says in a table what fields it takes, and
 * every field that is missing, unknown, of the wrong type or out of range is
 * named in one answer. */
#ifndef NET_REST_FORM_H
#define NET_REST_FORM_H

#include "rest_call.h"

enum form_kind {
    FORM_ID,       /* struct uuid */
    FORM_COUNT,    /* int64_t, a plain integer in min..max */
    FORM_LINE,     /* struct text of at most max bytes, one line */
    FORM_PROSE,    /* struct text of at most max bytes, with line feeds */
    FORM_SLUG,     /* struct text of at most max bytes */
    FORM_URL,      /* struct text of at most max bytes */
    FORM_WORD,     /* struct text, any string of at most max bytes */
    FORM_TIME,     /* uint64_t, Unix milliseconds */
    FORM_DECIMAL,  /* struct text, a JSON number as written */
    FORM_CURRENCY, /* int, index and one more of the currency table */
    FORM_FLAG,     /* bool */
    FORM_CHOICE,   /* struct form_choice: a flag whose default is the operation's */
    FORM_LIST,     /* struct form_list of min to max elements */
    FORM_STOP, /* const struct json_node *, a string of 1..max bytes or a plain integer from min */
    FORM_OBJECT, /* const struct json_node *, an object among the body's nodes */
    FORM_LATER   /* part of the contract, not sold yet: always refused */
};

struct form_choice {
    bool sent, value;
};

/* The elements of an array: i = nodes[i].next, from first until end. */
struct form_list {
    const struct json_node *nodes; /* NULL: not sent */
    uint32_t first, end, count;
};

struct form_field {
    const char *name;
    uint8_t name_length;
    uint8_t kind; /* enum form_kind */
    bool required;
    uint16_t offset; /* of the member in the operation's struct */
    int32_t min, max;
    const char *expected; /* JSON-safe, for a person: "an integer from 1 to ..." */
};

#define FORM_FIELD(type, member, kind_, required_, min_, max_, expected_)                          \
    {                                                                                              \
#member, sizeof #member - 1, (kind_), (required_), offsetof(type, member), (min_), (max_), \
            (expected_)                                                                            \
    }

/* Every operation that changes something takes its key in the body too. */
#define FORM_KEY(type)                                                                             \
    FORM_FIELD(type, idempotency_key, FORM_WORD, false, 0, 255, FORM_KEY_EXPECTED)
#define FORM_KEY_EXPECTED "1 to 255 visible ASCII characters, the same in header and body"

enum { FORM_FAULTS_MAX = 8 };

struct form_faults {
    uint32_t count;
    uint32_t item; /* what is noted is of "items[item - 1]"; 0: of the body itself */
    struct {
        struct text field; /* as sent, or a literal; may need escaping */
        const char *expected;
        struct text value; /* bytes NULL: not shown */
        uint32_t item;
    } faults[FORM_FAULTS_MAX];
};

/* Notes a fault; those beyond the bound are dropped. */
void form_fault(struct form_faults *faults, const char *field, const char *expected);
/* The same, and shows which of several values is meant. */
void form_fault_value(struct form_faults *faults, const char *field, const char *expected,
                      struct text value);

/* Parses the body into *out (zeroed before), by the table. A null counts as not
 * sent. False: no JSON came at all; the response is complete. Faults of fields
 * are left in *faults, for the operation to add its own and to refuse. */
bool form_read(struct rest_call *call, const struct form_field *fields, size_t field_count,
               void *out, size_t out_bytes, struct form_faults *faults);

/* The same for bodies with lists of many elements. */
bool form_read_large(struct rest_call *call, const struct form_field *fields, size_t field_count,
                     void *out, size_t out_bytes, struct form_faults *faults);

/* The same of an object within the body; `faults` goes on, `list` and index are of
 * the array it stands in. */
void form_read_element(const struct form_field *fields, size_t field_count,
                       const struct form_list *list, uint32_t index, void *out, size_t out_bytes,
                       struct form_faults *faults);

/* 400 VALIDATION_ERROR that names the faults. */
enum rest_outcome form_refuse(struct rest_call *call, const struct form_faults *faults);

/* The idempotency key of the request, from header or body (bytes NULL: none there),
 * with `fields` as the hash of what else it says. */
struct request_key form_key(struct rest_call *call, struct text body_key, uint64_t fields,
                            struct form_faults *faults);

#endif
