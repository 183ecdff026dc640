/* The active currencies of ISO 4217 and how many decimals their amounts have.
 * Funds, metals and testing codes are left out: nothing is sold in them. A code
 * that stood here once stays: zones in old logs name it. */
#ifndef ENGINE_CURRENCY_H
#define ENGINE_CURRENCY_H

#include <stddef.h>
#include <stdint.h>

struct currency {
    char code[4]; /* terminated */
    uint8_t decimals;
};

/* A code's place in the table: below 255, constant in one build only, so it must
 * not be stored. -1: not an active currency (codes are upper case). */
int currency_index(const char *code, size_t length);

/* The currency at an index that currency_index gave. */
const struct currency *currency_at(int index);

#endif
