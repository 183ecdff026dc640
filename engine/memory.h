/* Memory for the deciding modules: large address ranges that cost nothing until
 * touched, so that a table grows in place and its 32-bit indices stay good. */
#ifndef ENGINE_MEMORY_H
#define ENGINE_MEMORY_H

#include <stddef.h>

/* A zeroed range of `bytes`, backed page by page as it is touched. NULL: refused. */
void *memory_reserve(size_t bytes);
/* The same for what is read at random all over: large pages spare a miss of the
 * address cache with nearly every one of the data. Not for tables that are filled
 * from the front: there each large page is a millisecond's stop and clears the
 * caches. */
void *memory_reserve_scattered(size_t bytes);
void memory_release(void *range, size_t bytes);

/* A zeroed cold object. NULL: out of memory. */
void *memory_new(size_t bytes);
/* The same on a boundary of `alignment`, a power of two. */
void *memory_new_aligned(size_t alignment, size_t bytes);
/* For both; NULL does nothing. */
void memory_free(void *object);

#endif
