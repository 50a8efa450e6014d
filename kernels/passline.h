// SPDX-License-Identifier: Apache-2.0
//
// passline.h: the one C interface of Passline.
//
// A pass is a function that walks a row of n floats once. It reads x or y, may
// write y, and talks to the passes before and after it through the state. An
// algorithm is a list of passes over the same row. Every pass x ISA x parameter
// combination is compiled into its own object from one ISA-neutral source and
// enters the variant table by itself (PASSLINE_EXPORT): there is no list in C.
//
// The text between the two cdef markers is also what Python's cffi reads, so it
// holds no preprocessor lines.
#ifndef PASSLINE_H
#define PASSLINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// cdef: begin
typedef struct passline_state {
  float max;         // maximum of the row
  float sum;         // sum of exp(x - max)
  float mantissa;    // sum of exp(x) = mantissa * 2^exponent
  float exponent;    // an integer, kept as a float so that it cannot overflow
  float rest;        // of the mantissa: what is too small for it, where a pass knows it
  float scale;       // what the last pass multiplies by: 1 / sum or 1 / mantissa
  float scale_rest;  // of the scale: what is too small for it, where a pass knows it
  float clamp;       // 0 where no score is so low that a pass must raise it, see raddexpref
  float value;       // what an algorithm that reduces the row to one number leaves
  float *scratch;    // a third row of n floats, for the passes that declare one
} passline_state;

// n >= 1. x and y may be the same row; a partial overlap is not supported.
// Alignment is that of float. Nothing outside the rows is read or written.
typedef void passline_pass(size_t n, const float *x, float *y, passline_state *state);
// Turns the sums of a pass into what the next pass needs; NULL when there is nothing to do.
typedef void passline_finish(passline_state *state);

// A row may be split over threads: every pass runs over each part, with a state of its own.
typedef struct passline_part {
  size_t n;
  const float *x;
  float *y;
  passline_state state;
} passline_part;
// Turns the states that a pass left in the parts of a row into what finish expects of the whole row, in each
// of them; NULL where the parts of a row have nothing to tell each other after this pass.
typedef void passline_combine(passline_part *parts, size_t n_parts);

typedef struct passline_variant {
  const char *name;  // f32-raddextexp-avx512f-p5-u144-acc3
  passline_pass *run;
  passline_finish *finish;
  passline_combine *combine;
} passline_variant;

// The variants linked into this library, in link order.
const passline_variant *passline_variants(size_t *count);

// Softmax of rows by whichever algorithm was measured to be fastest for their length: kernels/README.md.
typedef struct passline_best passline_best;

// The text holds one choice a line, as a session measures them (crossovers.txt): instruction set, threads
// allowed, elements of a batch and of a row from which on, threads used, and variants, one per pass. Lines of
// an instruction set and number of threads ascend: those for rows first, which say 0 of the batch. `isa` is
// an instruction set, or NULL for whichever is fastest. A row may be split over n_threads threads: the
// caller, which should run on cpus[0], and others that are started here, each pinned to its cpu; none is
// pinned where cpus is NULL. Returns NULL with errno, EINVAL where the text is wrong, says nothing about this
// instruction set and number of threads, or names a variant that this library does not hold.
passline_best *passline_best_new(const char *choices, const char *isa, const int *cpus, size_t n_threads);
passline_best *passline_best_open(const char *path, const char *isa, const int *cpus, size_t n_threads);
void passline_best_free(passline_best *best);

// y = softmax(x), each float[n], n >= 1; y may be x. One caller at a time.
void passline_softmax(const passline_best *best, size_t n, const float *x, float *y);

// The same for n_rows rows, which start x_distance and y_distance floats apart. Thread i of the k that take
// part computes rows n_rows * i / k to n_rows * (i + 1) / k: memory that it touched first is near it. Rows of
// a batch of so many elements as the text says go by its lines for batches; all others by what it says of
// rows.
void passline_softmax_batch(const passline_best *best, size_t n_rows, size_t n, const float *x,
                            size_t x_distance, float *y, size_t y_distance);

// One way to call an algorithm over rows, and how the clock is read around it.
typedef struct passline_workload {
  const passline_variant *const *passes;
  size_t n_passes;
  size_t n_elements;
  const float *const *x_rows;  // the k-th call reads x_rows[k % n_x_rows] ...
  size_t n_x_rows;
  float *const *y_rows;  // ... and writes y_rows[k % n_y_rows]
  size_t n_y_rows;
  passline_state
      initial;  // the state each call starts from; a pass run alone finds here what earlier passes left
  int touch_x;  // read one element per cache line of x before each call, outside the clock
  int clock_each_call;      // read the clock around every call instead of once around all of them
  size_t planted_elements;  // run the passes again over this many first elements: a slowdown of known size,
                            // planted to test the instrument; 0 in every measurement
  size_t planted_every;     // ... in every so many calls; 0 as 1
  const passline_variant *consumer;  // reads y after each call, inside the clock, as whoever asked for y
                                     // would; NULL: nobody does
  const passline_best *best;         // not NULL: a call is passline_softmax, whatever the passes are
  size_t batch_rows;  // with best and without a consumer: x_rows[0] and y_rows[0] begin a batch of so many
                      // rows, one behind the other, and n_x_rows = n_y_rows calls are one
                      // passline_softmax_batch of all of it; 0: none
} passline_workload;

// Runs `calls` calls, the first with row number *cursor, and advances *cursor.
// Returns the nanoseconds inside the clock. Where pass_ns is not NULL the clock is
// also read between passes, and pass_ns[i] gains the nanoseconds of pass i.
// Denormals are flushed (FTZ and DAZ) while the workload runs, as in the paper's
// benchmark, and the control register is restored afterwards.
uint64_t passline_run(const passline_workload *workload, uint64_t calls, uint64_t *cursor, uint64_t *pass_ns);

// The same on n_threads threads at once, thread i pinned to cpus[i] and running
// workloads[i]. All start behind one barrier; start_ns[i] and end_ns[i] are clock
// readings of thread i around its calls. Returns 0, or the errno that stopped it.
int passline_run_threads(const passline_workload *workloads, const int *cpus, size_t n_threads,
                         uint64_t calls, uint64_t *start_ns, uint64_t *end_ns);

// Runs the passes once over the first rows, without a clock and without flushing denormals; leaves the final
// state in *state.
void passline_call(const passline_workload *workload, passline_state *state);

// Writes zeros to n floats from the calling thread or, with cpu >= 0, from a
// thread pinned to that cpu, so that the pages are local to it. Returns 0 or errno.
int passline_first_touch(float *row, size_t n, int cpu);

// Cycles of the calling thread's core in one second, from a dependent chain of
// integer multiplies of known latency run for about `ns` nanoseconds; 0 where the latency is not known.
double passline_clock_hz(uint64_t ns);

// Time of some arithmetic on n_threads threads at once, thread i pinned to cpus[i], over its time on the
// first of them alone. Near 1 where each has a core of its own, near 2 where two are hardware threads of one
// core: a hypervisor may say the one and do the other, and change it within a second. NaN where it cannot be
// told.
double passline_slowdown(const int *cpus, size_t n_threads);

// Median cost in nanoseconds of reading the clock once.
double passline_clock_cost_ns(void);

// Hardware counters by perf_event_open(2). Which events, and what one count of them means, is the caller's
// business: an event is the numbers that its PMU's files in sysfs encode.
typedef struct passline_event {
  uint32_t type;
  uint64_t config, config1, config2;
} passline_event;

// What read(2) gave for one group: `bytes` is its result or -errno, and the words are the number of events,
// the nanoseconds enabled and running, then value and id of each event (PERF_FORMAT_GROUP). No bytes mean
// that the group is not scheduled. The clock was read before and after.
typedef struct passline_reading {
  uint64_t before_ns, after_ns;
  int64_t bytes;
  uint64_t words[35];  // room for 16 events
} passline_reading;

// Opens up to 16 events as one group that starts to count at once. It is pinned: it counts all the time or,
// where its counters cannot be had, not at all. With pid -1 it counts all that the cpu or its uncore does;
// with pid 0 and cpu -1 the calling thread in user mode. fds[i] belongs to event i, and fds[0] is what is
// read. Returns 0, or the errno of the event number *failed; then nothing stays open.
int passline_counters_open(const passline_event *events, size_t n_events, int pid, int cpu, int *fds,
                           size_t *failed);
void passline_counters_close(const int *fds, size_t n);

// Reads groups in order, without stopping them: what a region did is the difference of two readings.
void passline_counters_read(const int *groups, size_t n_groups, passline_reading *readings);

// Reads all groups, runs `calls` calls as passline_run does without a clock between them, and reads again.
// With no calls it tells what reading alone costs and counts.
void passline_run_counted(const passline_workload *workload, uint64_t calls, uint64_t *cursor,
                          const int *groups, size_t n_groups, passline_reading *before,
                          passline_reading *after);

// The same around passline_run_threads. The threads start and end inside the region.
int passline_run_threads_counted(const passline_workload *workloads, const int *cpus, size_t n_threads,
                                 uint64_t calls, uint64_t *start_ns, uint64_t *end_ns, const int *groups,
                                 size_t n_groups, passline_reading *before, passline_reading *after);
// cdef: end

// PASSLINE_EXPORT(run, finish, combine) puts this object's variant into the table.
// PASSLINE_NAME is the variant's name, given with -D by the build. Where a study has a pass end with a
// function of its own (`then` in its study.yaml), PASSLINE_THEN is that function, called after finish.
#ifdef PASSLINE_THEN
#define PASSLINE_EXPORT(run_function, finish_function, combine_function) \
  static void passline_finish_then(passline_state *state) {              \
    passline_finish *const own = finish_function;                        \
    if (own != NULL) own(state);                                         \
    PASSLINE_THEN(state);                                                \
  }                                                                      \
  PASSLINE_ENTRY(run_function, passline_finish_then, combine_function)
#else
#define PASSLINE_EXPORT PASSLINE_ENTRY
#endif
#define PASSLINE_ENTRY(run_function, finish_function, combine_function)                               \
  static const passline_variant passline_entry                                                        \
      __attribute__((section("passline_variants"), used, aligned(8))) = {PASSLINE_NAME, run_function, \
                                                                         finish_function, combine_function}

#ifdef __cplusplus
}
#endif

#endif  // PASSLINE_H
