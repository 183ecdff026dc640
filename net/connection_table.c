/* Slabs of connections and exchanges: one reserved range each, taken by 32-bit
 * index, so that an index is an address by one multiplication and an untouched
 * place costs no memory. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "server_state.h"

static void *range_new(size_t count, size_t bytes)
{
    void *range = mmap(NULL, count * bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return range == MAP_FAILED ? NULL : range;
}

static void range_free(void *range, size_t count, size_t bytes)
{
    if (range)
        munmap(range, count * bytes);
}

bool tables_init(struct server *server)
{
    uint32_t cap = server->config->server.connections_max + CONNECTIONS_REFUSED_MAX;
    server->connections_cap = cap;
    server->connections_free = INDEX_NONE;
    server->exchanges_cap = cap + EXCHANGES_EXTRA_MAX;
    server->exchanges_free = INDEX_NONE;
    server->connections = range_new(cap, sizeof *server->connections);
    server->exchanges = range_new(server->exchanges_cap, sizeof *server->exchanges);
    server->dirty.items = range_new(cap, sizeof(uint32_t));
    server->quick.items = range_new(cap, sizeof(uint32_t));
    server->ready.items = range_new(cap, sizeof(uint32_t));
    return server->connections && server->exchanges && server->dirty.items && server->quick.items &&
           server->ready.items;
}

void tables_release(struct server *server)
{
    uint32_t cap = server->connections_cap;
    range_free(server->connections, cap, sizeof *server->connections);
    range_free(server->exchanges, server->exchanges_cap, sizeof *server->exchanges);
    range_free(server->dirty.items, cap, sizeof(uint32_t));
    range_free(server->quick.items, cap, sizeof(uint32_t));
    range_free(server->ready.items, cap, sizeof(uint32_t));
}

struct connection *connection_take(struct server *server)
{
    struct connection *connection;
    if (server->connections_free != INDEX_NONE) {
        connection = &server->connections[server->connections_free];
        server->connections_free = connection->next_free;
    } else if (server->connections_touched < server->connections_cap) {
        connection = &server->connections[server->connections_touched++];
    } else {
        return NULL;
    }
    assert(connection->state == CONNECTION_FREE);
    struct connection before = *connection;
    memset(connection, 0, sizeof *connection);
    connection->generation = before.generation + 1;
    /* The lists name places, not connections: an entry may be older than this one. */
    connection->dirty = before.dirty;
    connection->in_quick = before.in_quick;
    connection->ready = before.ready;
    connection->exchange_first = connection->exchange_last = INDEX_NONE;
    server->connections_open++;
    return connection;
}

void connection_give(struct server *server, struct connection *connection)
{
    assert(!connection->receiving && !connection->sending_slow && !connection->inbox);
    assert(connection->exchange_count == 0 && connection->timeout.tick == 0);
    connection->state = CONNECTION_FREE;
    connection->next_free = server->connections_free;
    server->connections_free = connection_index(server, connection);
    server->connections_open--;
}

struct exchange *exchange_take(struct server *server)
{
    struct exchange *exchange;
    if (server->exchanges_free != INDEX_NONE) {
        exchange = &server->exchanges[server->exchanges_free];
        server->exchanges_free = exchange->next;
    } else if (server->exchanges_touched < server->exchanges_cap) {
        exchange = &server->exchanges[server->exchanges_touched++];
    } else {
        return NULL;
    }
    return exchange;
}

void exchange_give(struct server *server, struct exchange *exchange)
{
    exchange->next = server->exchanges_free;
    server->exchanges_free = (uint32_t)(exchange - server->exchanges);
}
