// SPDX-License-Identifier: Apache-2.0
//
// counting.c: the project's own counting (kernels/runtime/perf_event.c) on a kernel with hardware counters,
// in a virtual machine without Python. Every line it prints that starts with @ is a fact for the test that
// started it. usage: counting cycles TYPE CONFIG | work | multiplexed | pinned | hotplug | rights
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "passline.h"
#include "runtime/clock.h"

enum { ENOUGH = 12, USER = 1000, MILLISECOND = 1000000 };
static const passline_event CYCLES = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 0, 0};
static const passline_event INSTRUCTIONS = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, 0, 0};

static void spin(uint64_t ns) {
  const uint64_t end = clock_ns() + ns;
  while (clock_ns() < end) {
  }
}

static void show(const char *name, const passline_reading *r) {
  printf("@ reading %s %llu %llu %lld", name, (unsigned long long)r->before_ns,
         (unsigned long long)r->after_ns, (long long)r->bytes);
  for (int64_t i = 0; i < r->bytes / 8; i++) printf(" %llu", (unsigned long long)r->words[i]);
  printf("\n");
}

static int open_group(const char *name, const passline_event *events, size_t n, int pid, int cpu, int *fds) {
  size_t failed;
  const int error = passline_counters_open(events, n, pid, cpu, fds, &failed);
  if (error) printf("@ refused %s %d\n", name, error);
  return error;
}

// An event as a careless program opens it: not pinned, the kernel counted too.
static int open_loose(const passline_event *event, int pid, int cpu) {
  struct perf_event_attr attr = {.size = sizeof attr, .type = event->type, .config = event->config};
  attr.read_format =
      PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING | PERF_FORMAT_ID;
  return (int)syscall(SYS_perf_event_open, &attr, pid, cpu, -1, 0);
}

static void around_spin(const char *name, const int *groups, size_t n, uint64_t ns) {
  passline_reading before[ENOUGH], after[ENOUGH];
  passline_counters_read(groups, n, before);
  spin(ns);
  passline_counters_read(groups, n, after);
  for (size_t i = 0; i < n; i++) {
    char numbered[64];
    snprintf(numbered, sizeof numbered, "%s-%zu", name, i);
    show(numbered, &before[i]);
    show(numbered, &after[i]);
  }
}

static void cycles(const char *type, const char *config) {
  const passline_event named = {(uint32_t)strtoul(type, NULL, 0), strtoull(config, NULL, 0), 0, 0};
  int fds[2][1];
  if (open_group("generic", &CYCLES, 1, 0, -1, fds[0]) || open_group("named", &named, 1, 0, -1, fds[1]))
    return;
  const int groups[2] = {fds[0][0], fds[1][0]};
  around_spin("cycles", groups, 2, 50 * MILLISECOND);
}

static void walk(size_t n, const float *x, float *y, passline_state *state) {
  for (size_t i = 0; i < n; i++) y[i] = x[i] * state->scale;
}

// One region of some calls and one of three times as many, counted as the workflow does it.
static void work(void) {
  static float row[4096];
  const float *x_rows[] = {row};
  float *y_rows[] = {row};
  const passline_variant variant = {"walk", walk, NULL};
  const passline_variant *passes[] = {&variant};
  const passline_workload workload = {.passes = passes,
                                      .n_passes = 1,
                                      .n_elements = 4096,
                                      .x_rows = x_rows,
                                      .n_x_rows = 1,
                                      .y_rows = y_rows,
                                      .n_y_rows = 1,
                                      .initial = {.scale = 1}};
  const passline_event both[] = {CYCLES, INSTRUCTIONS};
  int fds[2];
  size_t n = 2;
  if (open_group("work", both, 2, 0, -1, fds) && open_group("work", both, n = 1, 0, -1, fds)) return;
  uint64_t cursor = 0;
  passline_reading before, after;
  passline_run_counted(&workload, 10, &cursor, fds, 1, &before, &after);
  for (int times = 1; times <= 3; times += 2) {
    passline_run_counted(&workload, (uint64_t)(200 * times), &cursor, fds, 1, &before, &after);
    const char *name = times == 1 ? "work-200" : "work-600";
    show(name, &before);
    show(name, &after);
  }
  passline_run_counted(&workload, 0, &cursor, fds, 1, &before, &after);
  show("work-0", &before);
  show("work-0", &after);
  passline_counters_close(fds, n);
}

// More events than counters, none of them pinned: the kernel lets them take turns.
static void multiplexed(void) {
  int fds[ENOUGH];
  for (int i = 0; i < ENOUGH; i++) {
    fds[i] = open_loose(&CYCLES, 0, -1);
    if (fds[i] < 0) {
      printf("@ refused multiplexed %d\n", errno);
      return;
    }
  }
  around_spin("multiplexed", fds, ENOUGH, 400 * MILLISECOND);
}

// The same, pinned, as Passline opens them: some count all the time, the others not at all.
static void pinned(void) {
  int fds[ENOUGH][1], groups[ENOUGH];
  for (int i = 0; i < ENOUGH; i++) {
    if (open_group("pinned", &CYCLES, 1, 0, -1, fds[i])) return;
    groups[i] = fds[i][0];
  }
  around_spin("pinned", groups, ENOUGH, 50 * MILLISECOND);
}

static void set(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) printf("@ failed %s %d\n", path, errno);
  if (fd >= 0) close(fd);
}

// The cpu whose event is open goes away and comes back.
static void hotplug(void) {
  static const char ONLINE[] = "/sys/devices/system/cpu/cpu1/online";
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof first, &first);
  int fds[1], late[1];
  if (open_group("hotplug", &CYCLES, 1, -1, 1, fds)) return;
  around_spin("online", fds, 1, 50 * MILLISECOND);
  set(ONLINE, "0");
  passline_reading gone;
  passline_counters_read(fds, 1, &gone);  // the first reading after it went may still have moved
  around_spin("offline", fds, 1, 50 * MILLISECOND);
  if (open_group("offline", &CYCLES, 1, -1, 1, late) == 0) printf("@ opened offline\n");
  set(ONLINE, "1");
  around_spin("back", fds, 1, 50 * MILLISECOND);
  if (open_group("anew", &CYCLES, 1, -1, 1, late) == 0) around_spin("anew", late, 1, 50 * MILLISECOND);
}

static int answer(int fd) {
  const int error = fd < 0 ? errno : 0;
  if (fd >= 0) close(fd);
  return error;
}

// As a user without rights, what may be counted at each level.
static void rights(void) {
  static const char LEVEL[] = "/proc/sys/kernel/perf_event_paranoid";
  for (int level = -1; level <= 4; level++) {
    char text[16];
    snprintf(text, sizeof text, "%d", level);
    set(LEVEL, text);
    fflush(stdout);
    if (fork() == 0) {
      if (setgid(USER) || setuid(USER)) _exit(1);
      int fd[1];
      size_t failed;
      const int own = passline_counters_open(&CYCLES, 1, 0, -1, fd, &failed);
      const int kernel = answer(open_loose(&CYCLES, 0, -1));
      const int whole = passline_counters_open(&CYCLES, 1, -1, 0, fd, &failed);
      printf("@ rights %d %d %d %d\n", level, own, kernel, whole);
      fflush(stdout);
      _exit(0);
    }
    wait(NULL);
  }
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (strcmp(what, "cycles") == 0 && argc == 4) cycles(argv[2], argv[3]);
  if (strcmp(what, "work") == 0) work();
  if (strcmp(what, "multiplexed") == 0) multiplexed();
  if (strcmp(what, "pinned") == 0) pinned();
  if (strcmp(what, "hotplug") == 0) hotplug();
  if (strcmp(what, "rights") == 0) rights();
  return 0;
}
