/* One record from arbitrary bytes: refused, or a record that encodes within its
 * bound and decodes to the same bytes again. */
#include <stdlib.h>
#include <string.h>

#include "../../persist/record_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct record record, again;
    static struct record_scratch scratch, scratch_again;
    static uint8_t first[RECORD_ZONE_BYTES_MAX], second[RECORD_ZONE_BYTES_MAX];
    int32_t used = record_decode(&record, &scratch, data, size);
    if (used < 0)
        return 0;
    if ((size_t)used > size)
        abort();
    uint32_t bound = record_encoded_bytes_max(&record);
    uint32_t length = bound == 0 || bound > sizeof first ? 0 : record_encode(&record, first);
    if (length == 0 || length > bound ||
        record_decode_exact(&again, &scratch_again, first, length) != 0)
        abort();
    if (record_encode(&again, second) != length || memcmp(first, second, length) != 0)
        abort();
    return 0;
}
