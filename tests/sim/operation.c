#include "operation.h"

#include "table.h"

static const char *const names[SIM_OPERATION_KINDS] = {
    [SIM_RESERVE] = "reserve",
    [SIM_CONFIRM] = "confirm",
    [SIM_CANCEL] = "cancel",
    [SIM_EXTEND] = "extend",
    [SIM_RELEASE] = "release",
    [SIM_EXCHANGE] = "exchange",
    [SIM_TRANSFER] = "transfer",
    [SIM_REFUND] = "refund",
    [SIM_GET] = "get",
    [SIM_LIST] = "list",
    [SIM_SUMMARY] = "summary",
    [SIM_SEAT_MAP] = "seat_map",
    [SIM_BLOCK_LIST] = "block_list",
    [SIM_BLOCK] = "block",
    [SIM_BLOCK_END] = "block_end",
    [SIM_SET_CAPACITY] = "set_capacity",
    [SIM_ZONE_SALE] = "zone_sale",
    [SIM_EVENT_SALE] = "event_sale",
    [SIM_EVENT_STATUS] = "event_status",
    [SIM_MAKE_EVENT] = "make_event",
    [SIM_MAKE_SHOW] = "make_show",
    [SIM_MAKE_ZONE] = "make_zone",
    [SIM_MAKE_STATION] = "make_station",
    [SIM_MAKE_ROUTE] = "make_route",
    [SIM_ORDER] = "order",
    [SIM_ORDER_CONFIRM] = "order_confirm",
    [SIM_ORDER_CANCEL] = "order_cancel",
    [SIM_ORDER_GET] = "order_get",
    [SIM_EXCHANGE_ZONE] = "exchange_zone",
    [SIM_WAIT] = "wait",
    [SIM_CRASH] = "crash",
    [SIM_CUT_DISK] = "cut_disk",
    [SIM_JUMP] = "jump",
    [SIM_FAULTS] = "faults",
    [SIM_SNAPSHOT] = "snapshot",
    [SIM_MIRROR_STEP] = "mirror_step",
};

const char *sim_operation_name(enum sim_operation_kind kind)
{
    return names[kind];
}

void sim_operation_write(const struct sim_operation *o, FILE *out)
{
    fprintf(out, "%u %s role=%u user=%u zone=%u target=%u other=%u key=%u quantity=%u seat=%u",
            o->number, names[o->kind], o->role, o->user, o->zone, o->target, o->other, o->key,
            o->quantity, o->seat);
    fprintf(out, " value=%u from=%u to=%u flags=%u\n", o->value, o->from, o->to, o->flags);
}

static int kind_of(const char *name)
{
    for (int i = 0; i < SIM_OPERATION_KINDS; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

bool sim_operation_read(struct sim_operation *operation, const char *line)
{
    struct sim_operation o = {0};
    char name[32];
    unsigned role, user, zone, from, to, flags;

    /* A trace is ours: its lines are counted, not judged. NOLINTNEXTLINE(cert-err34-c) */
    if (sscanf(line,
               "%u %31s role=%u user=%u zone=%u target=%u other=%u key=%u quantity=%u seat=%u"
               " value=%u from=%u to=%u flags=%u",
               &o.number, name, &role, &user, &zone, &o.target, &o.other, &o.key, &o.quantity,
               &o.seat, &o.value, &from, &to, &flags) != 14 ||
        kind_of(name) < 0)
        return false;
    o.kind = (uint8_t)kind_of(name);
    o.role = (uint8_t)role;
    o.user = (uint16_t)user;
    o.zone = (uint16_t)zone;
    o.from = (uint16_t)from;
    o.to = (uint16_t)to;
    o.flags = (uint16_t)flags;
    *operation = o;
    return true;
}

uint32_t sim_operation_fingerprint(const struct sim_operation *o)
{
    uint64_t hash = sim_mix((uint64_t)o->kind << 32 | o->target);

    hash = sim_mix(hash ^ ((uint64_t)o->other << 32 | o->quantity));
    hash = sim_mix(hash ^ ((uint64_t)o->seat << 32 | o->value));
    hash = sim_mix(hash ^ ((uint64_t)o->zone << 48 | (uint64_t)o->from << 32 |
                           (uint64_t)o->to << 16 | o->flags));
    return (uint32_t)hash;
}
