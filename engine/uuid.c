#include "uuid.h"

#include <endian.h>

#include "hex.h"

static bool dash_at(size_t position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

bool uuid_parse(struct uuid *uuid, const char *text, size_t length)
{
    struct uuid parsed;
    size_t byte = 0;

    if (length != UUID_TEXT_LENGTH)
        return false;
    for (size_t i = 0; i < length;) {
        if (dash_at(i)) {
            if (text[i++] != '-')
                return false;
            continue;
        }
        int high = hex_digit_value(text[i]), low = hex_digit_value(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        parsed.bytes[byte++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *uuid = parsed;
    return true;
}

char *uuid_format(const struct uuid *uuid, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t byte = 0; byte < sizeof uuid->bytes; byte++) {
        if (byte == 4 || byte == 6 || byte == 8 || byte == 10)
            *out++ = '-';
        *out++ = digits[uuid->bytes[byte] >> 4];
        *out++ = digits[uuid->bytes[byte] & 15];
    }
    return out;
}

struct uuid uuid_v7(uint64_t unix_ms, uint16_t partition, uint64_t random)
{
    struct uuid uuid;
    uint64_t high = htobe64(unix_ms << 16 | 0x7000 | (partition & 0x0fffU));
    uint64_t low = htobe64(UINT64_C(1) << 63 | (random & UINT64_C(0x3fffffffffffffff)));

    memcpy(uuid.bytes, &high, sizeof high);
    memcpy(uuid.bytes + sizeof high, &low, sizeof low);
    return uuid;
}

uint64_t uuid_v7_ms(const struct uuid *uuid)
{
    uint64_t high;

    memcpy(&high, uuid->bytes, sizeof high);
    return be64toh(high) >> 16;
}

uint16_t uuid_v7_partition(const struct uuid *uuid)
{
    return (uint16_t)((uuid->bytes[6] & 0x0f) << 8 | uuid->bytes[7]);
}
