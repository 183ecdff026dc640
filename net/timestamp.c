#include "timestamp.h"

#include <assert.h>
#include <string.h>

enum { MS_PER_DAY = 86400000 };

static const uint64_t unix_ms_max = 253402300799999; /* 9999-12-31T23:59:59.999Z */

struct date {
    int year, month, day;
};

/* Days since 1970-01-01 to a date, counting years from March so that the leap
 * day comes last. Valid for 1970 and later. */
static struct date date_of_days(uint32_t days)
{
    uint32_t shifted = days + 719468;
    uint32_t era = shifted / 146097;
    uint32_t day_of_era = shifted % 146097;
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month_from_march = (5 * day_of_year + 2) / 153;
    uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct date){
        .year = (int)(year_of_era + era * 400 + (month <= 2 ? 1 : 0)),
        .month = (int)month,
        .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
    };
}

static int64_t days_of_date(struct date date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = year / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static void put_digits(char *out, uint32_t value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

char *timestamp_format(char *out, uint64_t unix_ms)
{
    assert(unix_ms <= unix_ms_max);
    struct date date = date_of_days((uint32_t)(unix_ms / MS_PER_DAY));
    uint32_t ms = (uint32_t)(unix_ms % MS_PER_DAY);
    memcpy(out, "0000-00-00T00:00:00.000Z", TIMESTAMP_TEXT_LENGTH);
    put_digits(out, (uint32_t)date.year, 4);
    put_digits(out + 5, (uint32_t)date.month, 2);
    put_digits(out + 8, (uint32_t)date.day, 2);
    put_digits(out + 11, ms / 3600000, 2);
    put_digits(out + 14, ms / 60000 % 60, 2);
    put_digits(out + 17, ms / 1000 % 60, 2);
    put_digits(out + 20, ms % 1000, 3);
    return out + TIMESTAMP_TEXT_LENGTH;
}

/* Takes `count` digits at *at. False: fewer. */
static bool take_digits(const char **at, const char *end, int count, int *value)
{
    if (end - *at < count)
        return false;
    *value = 0;
    for (int i = 0; i < count; i++) {
        char c = *(*at)++;
        if (c < '0' || c > '9')
            return false;
        *value = *value * 10 + (c - '0');
    }
    return true;
}

static bool take(const char **at, const char *end, char wanted)
{
    if (*at == end || **at != wanted)
        return false;
    (*at)++;
    return true;
}

static bool take_date(const char **at, const char *end, struct date *date)
{
    return take_digits(at, end, 4, &date->year) && take(at, end, '-') &&
           take_digits(at, end, 2, &date->month) && take(at, end, '-') &&
           take_digits(at, end, 2, &date->day) && date->month >= 1 && date->month <= 12 &&
           date->day >= 1 && date->day <= days_in_month(date->year, date->month);
}

/* A fraction of a second, if there is one. Digits below the millisecond would be
 * lost, so they must be zero. */
static bool take_fraction(const char **at, const char *end, int *ms)
{
    *ms = 0;
    if (!take(at, end, '.'))
        return true;
    int digits = 0;
    for (int scale = 100; *at < end && **at >= '0' && **at <= '9'; scale /= 10, digits++) {
        int digit = *(*at)++ - '0';
        if (scale == 0 && digit != 0)
            return false;
        *ms += digit * scale;
    }
    return digits > 0;
}

static bool take_clock(const char **at, const char *end, int64_t *ms)
{
    int hour, minute, second, fraction;
    if (!take_digits(at, end, 2, &hour) || !take(at, end, ':') ||
        !take_digits(at, end, 2, &minute) || !take(at, end, ':') ||
        !take_digits(at, end, 2, &second) || !take_fraction(at, end, &fraction))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *ms = ((hour * 60 + minute) * 60 + second) * INT64_C(1000) + fraction;
    return true;
}

static bool take_offset(const char **at, const char *end, int64_t *ms)
{
    *ms = 0;
    if (take(at, end, 'Z'))
        return true;
    int sign = 1;
    if (take(at, end, '-'))
        sign = -1;
    else if (!take(at, end, '+'))
        return false;
    int hours, minutes;
    if (!take_digits(at, end, 2, &hours) || !take(at, end, ':') ||
        !take_digits(at, end, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ms = sign * (hours * 60 + minutes) * INT64_C(60000);
    return true;
}

bool timestamp_parse(const char *text, size_t length, uint64_t *unix_ms)
{
    const char *at = text;
    const char *end = text + length;
    struct date date;
    int64_t clock_ms, offset_ms;
    if (!take_date(&at, end, &date) || !take(&at, end, 'T') || !take_clock(&at, end, &clock_ms) ||
        !take_offset(&at, end, &offset_ms) || at != end)
        return false;
    int64_t ms = days_of_date(date) * MS_PER_DAY + clock_ms - offset_ms;
    if (ms < 0 || ms > (int64_t)unix_ms_max)
        return false;
    *unix_ms = (uint64_t)ms;
    return true;
}
