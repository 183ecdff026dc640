/* Which handler answers a method and path. A static table, matched from its
 * start without backtracking: the hottest routes stand first. Pure. */
#ifndef NET_ROUTER_H
#define NET_ROUTER_H

#include "http.h"

enum { ROUTE_PARAMETERS_MAX = 2 };

/* Who may come; checked before a body is looked at. */
enum route_auth {
    ROUTE_AUTH_NONE,     /* a token is not even read */
    ROUTE_AUTH_OPTIONAL, /* open, but a token that is sent must be good */
    ROUTE_AUTH_USER,     /* any good token */
    ROUTE_AUTH_ORGANIZER /* organizers and admins */
};

struct rest_call;

struct route {
    enum http_method method; /* GET answers HEAD too */
    enum route_auth auth;
    const char *pattern; /* literal but for segments in braces, which match any one */
    enum rest_outcome (*handle)(struct rest_call *call);
};

/* The table and its length. Routes of one pattern stand together. */
const struct route *router_table(size_t *count);

/* The texts of the path's parameters, not empty. bytes NULL: the pattern has not
 * so many. */
struct route_match {
    const struct route *route; /* NULL: no such path, or not with this method */
    const struct route *first; /* NULL: no such path; else where its pattern starts */
    struct text parameters[ROUTE_PARAMETERS_MAX];
};

struct route_match router_match(enum http_method method, struct text path);

/* Writes the methods of first's pattern as an Allow value ("GET, HEAD, OPTIONS"),
 * no terminator, at most 64 bytes; returns the end. */
char *router_allow(const struct route *first, char *out);

const char *http_method_name(enum http_method method);

#endif
