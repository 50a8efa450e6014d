// SPDX-License-Identifier: Apache-2.0
//
// Counting what a region does, by perf_event_open(2): groups are opened once, stay running, and are read
// before and after the region. Enabling, disabling or resetting them would cost more than reading them does.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "passline.h"
#include "runtime/clock.h"
#include "runtime/denormals.h"
#include "runtime/run.h"

enum {
  HEADER_WORDS = 3,  // number of events, time enabled, time running
  EVENT_WORDS = 2,   // value, id
  MOST_EVENTS = (sizeof((passline_reading *)0)->words / sizeof(uint64_t) - HEADER_WORDS) / EVENT_WORDS,
};

static int open_event(const passline_event *event, int pid, int cpu, int leader) {
  struct perf_event_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.size = sizeof attr;
  attr.type = event->type;
  attr.config = event->config;
  attr.config1 = event->config1;
  attr.config2 = event->config2;
  attr.read_format =
      PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING | PERF_FORMAT_ID;
  // Only a leader may be pinned; the group follows it. An uncore PMU refuses to exclude anything, and a
  // thread may count its own user mode where the kernel's is not its to see.
  attr.pinned = leader < 0;
  attr.disabled = leader < 0;
  attr.exclude_kernel = pid != -1;
  return (int)syscall(SYS_perf_event_open, &attr, pid, cpu, leader, PERF_FLAG_FD_CLOEXEC);
}

int passline_counters_open(const passline_event *events, size_t n_events, int pid, int cpu, int *fds,
                           size_t *failed) {
  *failed = 0;
  if (n_events == 0 || n_events > MOST_EVENTS) return EINVAL;
  for (size_t i = 0; i < n_events; i++) {
    fds[i] = open_event(&events[i], pid, cpu, i == 0 ? -1 : fds[0]);
    if (fds[i] < 0) {
      const int error = errno;
      *failed = i;
      passline_counters_close(fds, i);
      return error;
    }
  }
  // Only now: an event that joins a group already running may stand still until the next tick, although the
  // group's times say that it ran (Linux 6.18, a page-fault event behind a task clock).
  if (ioctl(fds[0], PERF_EVENT_IOC_ENABLE, 0) != 0) {
    const int error = errno;
    passline_counters_close(fds, n_events);
    return error;
  }
  return 0;
}

void passline_counters_close(const int *fds, size_t n) {
  for (size_t i = n; i > 0; i--)
    close(fds[i - 1]);  // the leader last: without it the others would go on alone
}

void passline_counters_read(const int *groups, size_t n_groups, passline_reading *readings) {
  uint64_t now = clock_ns();
  for (size_t i = 0; i < n_groups; i++) {
    passline_reading *r = &readings[i];
    r->before_ns = now;
    const ssize_t bytes = read(groups[i], r->words, sizeof r->words);
    r->bytes = bytes >= 0 ? bytes : -errno;
    r->after_ns = now = clock_ns();
  }
}

void passline_run_counted(const passline_workload *workload, uint64_t calls, uint64_t *cursor,
                          const int *groups, size_t n_groups, passline_reading *before,
                          passline_reading *after) {
  const unsigned control = denormals_off();
  run_position position = run_position_at(workload, *cursor);
  passline_counters_read(groups, n_groups, before);
  run_calls(workload, calls, &position);
  passline_counters_read(groups, n_groups, after);
  *cursor += calls;
  denormals_restore(control);
}

int passline_run_threads_counted(const passline_workload *workloads, const int *cpus, size_t n_threads,
                                 uint64_t calls, uint64_t *start_ns, uint64_t *end_ns, const int *groups,
                                 size_t n_groups, passline_reading *before, passline_reading *after) {
  passline_counters_read(groups, n_groups, before);
  const int error = passline_run_threads(workloads, cpus, n_threads, calls, start_ns, end_ns);
  passline_counters_read(groups, n_groups, after);
  return error;
}
