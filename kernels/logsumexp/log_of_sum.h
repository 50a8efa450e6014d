// SPDX-License-Identifier: Apache-2.0
//
// log_of_sum: state->value = max + log(sum), of a sum of exp(x - max).
//
// In double precision: neither the logarithm nor a maximum of any size adds an error beside that of the sum,
// and where the two terms cancel the result keeps what the sum has. Rounded once.
#ifndef PASSLINE_LOGSUMEXP_LOG_OF_SUM_H
#define PASSLINE_LOGSUMEXP_LOG_OF_SUM_H

#include <math.h>

#include "passline.h"

static void log_of_sum(passline_state *state) {
  state->value = (float)(state->max + log((double)state->sum));
}

#endif  // PASSLINE_LOGSUMEXP_LOG_OF_SUM_H
