#include "numbered_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "growing_array.h"

enum { DIGITS = 10, NUMBERS_MIN = 16, NUMBERS_MAX = 1 << 30 };

uint64_t numbered_file_parse(const char *name, const char *prefix, const char *suffix)
{
    size_t length = strlen(prefix);
    uint64_t number = 0;
    if (strncmp(name, prefix, length) != 0 || strlen(name) != length + DIGITS + strlen(suffix) ||
        strcmp(name + length + DIGITS, suffix) != 0)
        return 0;
    for (const char *at = name + length; at < name + length + DIGITS; at++) {
        if (*at < '0' || *at > '9')
            return 0;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    return number;
}

int number_list_append(struct number_list *list, uint64_t number)
{
    uint64_t *numbers =
        growing_array_room(list->numbers, list->count, &list->capacity, sizeof *numbers,
                           (struct growing_array_limits){NUMBERS_MIN, NUMBERS_MAX});
    if (numbers == NULL)
        return -ENOMEM;
    list->numbers = numbers;
    list->numbers[list->count++] = number;
    return 0;
}

static int oldest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int newest_first(const void *a, const void *b)
{
    return oldest_first(b, a);
}

void number_list_sort(struct number_list *list, enum number_list_order order)
{
    if (list->count > 0)
        qsort(list->numbers, list->count, sizeof *list->numbers,
              order == NUMBER_LIST_OLDEST_FIRST ? oldest_first : newest_first);
}
