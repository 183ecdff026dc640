/* Time that passed and time that was worked. Any thread. */
#ifndef BENCH_BOXLOAD_CLOCK_H
#define BENCH_BOXLOAD_CLOCK_H

#include <stdint.h>

uint64_t clock_ns(void); /* monotonic */
uint64_t clock_thread_cpu_ns(void);

/* User and system time of a process with all its threads, kernel workers too, in
 * steps of the kernel's tick (10 ms). 0: no such process, or pid 0. */
uint64_t clock_process_cpu_ns(int pid);

#endif
