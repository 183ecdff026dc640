/* The common head of all kinds of log_storage. Private to storage_*.c. */
#ifndef PERSIST_STORAGE_PRIVATE_H
#define PERSIST_STORAGE_PRIVATE_H

#include "storage.h"

struct log_storage {
    void (*submit)(struct log_storage *storage, int fd, const void *bytes, uint32_t length,
                   uint64_t offset);
    void (*complete)(struct log_storage *storage, uint64_t user_data, int32_t result);
    log_storage_done *done;
    void *context;
};

#endif
