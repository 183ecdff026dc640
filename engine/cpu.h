/* Pinning threads to processors. */
#ifndef ENGINE_CPU_H
#define ENGINE_CPU_H

#include <stdint.h>

/* Pins the calling thread to the index-th processor the process may run on,
 * counting round. Where the system refuses, the thread stays unpinned: slower,
 * not wrong. */
void cpu_pin(uint16_t index);

#endif
