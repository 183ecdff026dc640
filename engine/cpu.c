#include "cpu.h"

#include <sched.h>

void cpu_pin(uint16_t index)
{
    cpu_set_t allowed, chosen;
    int seen = 0;

    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    int wanted = index % CPU_COUNT(&allowed);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || seen++ != wanted)
            continue;
        CPU_ZERO(&chosen);
        CPU_SET(cpu, &chosen);
        sched_setaffinity(0, sizeof chosen, &chosen);
        return;
    }
}
