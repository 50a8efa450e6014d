// SPDX-License-Identifier: Apache-2.0
#ifndef PASSLINE_RUNTIME_RUN_H
#define PASSLINE_RUNTIME_RUN_H

#include "passline.h"

// Which rows the next call uses: its number modulo the number of rows, kept without dividing per call.
typedef struct run_position {
  size_t x_row, y_row;
} run_position;

run_position run_position_at(const passline_workload *workload, uint64_t call);

// `calls` calls in a row, without a clock and without anything between them.
void run_calls(const passline_workload *workload, uint64_t calls, run_position *position);

#endif  // PASSLINE_RUNTIME_RUN_H
