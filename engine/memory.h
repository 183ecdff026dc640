/* Memory for the deciding modules: large address ranges that cost nothing until
 * touched, so that a table grows in place and its 32-bit indices stay good. */
#ifndef ENGINE_MEMORY_H
#define ENGINE_MEMORY_H

#include <stddef.h>

/* A zeroed range of `bytes`, backed page by page as it is touched. NULL: refused. */
void *memory_reserve(size_t bytes);
void memory_release(void *range, size_t bytes);

/* A zeroed cold object. NULL: out of memory. */
void *memory_new(size_t bytes);
void memory_free(void *object);

#endif
