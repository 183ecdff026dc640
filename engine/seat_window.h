/* Windows: neighbouring open seats of one block, found a word of 64 seats at a time
 * and compared by the rule of docs/inventory.md ("Best available"). For seat_*.c
 * only. Pure, no allocation. */
#ifndef ENGINE_SEAT_WINDOW_H
#define ENGINE_SEAT_WINDOW_H

#include "seat_map_state.h"

/* What is open to one request. */
struct seat_field {
    const struct seat_map *map;
    const uint64_t *open, *joined; /* as in the map: a zero word at either end */
    const uint64_t *live;          /* as in the map; NULL: any word may have open seats */
    uint16_t from, to;
    bool slack; /* not the whole journey: slacks differ */
};

/* The seats' own words, where the map's do not fit the request. */
struct seat_field_words {
    uint64_t open[SEAT_MAP_WORDS_MAX + 2], joined[SEAT_MAP_WORDS_MAX + 2];
};

/* `only` as in seat_pick_wish. Fills `words` unless the map's own will do; they
 * must outlive the field. */
void seat_field_init(struct seat_field *field, struct seat_field_words *words,
                     const struct seat_map *map, uint16_t from, uint16_t to, const uint64_t *only);

/* In order of choice: less is better, the first field first. */
struct seat_window {
    bool single; /* leaves a single seat */
    uint32_t slack, ranks;
    uint32_t seat; /* its first; SEAT_NONE: no window */
};
bool seat_window_before(const struct seat_window *a, const struct seat_window *b);

/* The seats of word w at which a window of `size` (1..SEAT_PICK_MAX) starts; and
 * of these, those that leave no single seat. */
uint64_t seat_windows_at(const struct seat_field *field, uint32_t w, uint32_t size);
uint64_t seat_windows_clean(const struct seat_field *field, uint32_t w, uint32_t size,
                            uint64_t windows);

/* The best window of `size` that starts in [first, end). */
struct seat_window seat_window_best(const struct seat_field *field, uint32_t size, uint32_t first,
                                    uint32_t end);
struct seat_window seat_window_best_of_all(const struct seat_field *field, uint32_t size);

/* One of `size`, anywhere; clean: that leaves no single seat. */
bool seat_window_exists(const struct seat_field *field, uint32_t size, bool clean);

/* The longest series of open neighbours, `most` if there are longer ones. */
uint32_t seat_window_longest(const struct seat_field *field, uint32_t most);

/* seat_slack.c: of the windows in masks[w], words first_word..end_word - 1, leaves
 * those of the smallest slack, which it returns. */
uint32_t seat_slack_narrow(const struct seat_field *field, uint32_t size, uint64_t *masks,
                           uint32_t first_word, uint32_t end_word);

#endif
