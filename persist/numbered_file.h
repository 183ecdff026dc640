/* Files named by a kind and a number of ten digits, as segment-0000000007.log, and
 * lists of the numbers that a directory has. */
#ifndef PERSIST_NUMBERED_FILE_H
#define PERSIST_NUMBERED_FILE_H

#include <stdint.h>

/* 0: another name. Numbers begin at 1. */
uint64_t numbered_file_parse(const char *name, const char *prefix, const char *suffix);

struct number_list {
    uint64_t *numbers; /* from malloc; the list's owner frees it */
    uint32_t count, capacity;
};

enum number_list_order { NUMBER_LIST_OLDEST_FIRST, NUMBER_LIST_NEWEST_FIRST };

/* 0 or -ENOMEM, and the list is as it was. */
int number_list_append(struct number_list *list, uint64_t number);
void number_list_sort(struct number_list *list, enum number_list_order order);

#endif
