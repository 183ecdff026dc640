/* Whether this is a build for the address sanitizer, under which all takes some ten times
 * as long: what is drawn at random may then be drawn less often. */
#ifndef TESTS_UNIT_SANITIZED_H
#define TESTS_UNIT_SANITIZED_H

#include <stdbool.h>

#ifdef __SANITIZE_ADDRESS__
enum { ADDRESS_SANITIZED = true };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { ADDRESS_SANITIZED = true };
#else
enum { ADDRESS_SANITIZED = false };
#endif
#else
enum { ADDRESS_SANITIZED = false };
#endif

#endif
