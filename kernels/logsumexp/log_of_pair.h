// SPDX-License-Identifier: Apache-2.0
//
// log_of_pair: state->value = log(mantissa) + exponent ln2, of a sum mantissa * 2^exponent.
//
// In double precision: of an exponent up to 4,000,000 the product is off by at most 2^-32, and where the two
// terms cancel the exponent is small and the product off by less than 2^-52. Rounded once.
#ifndef PASSLINE_LOGSUMEXP_LOG_OF_PAIR_H
#define PASSLINE_LOGSUMEXP_LOG_OF_PAIR_H

#include <math.h>

#include "passline.h"

static void log_of_pair(passline_state *state) {
  const double ln2 = 0.693147180559945309;
  state->value = (float)(log((double)state->mantissa) + state->exponent * ln2);
}

#endif  // PASSLINE_LOGSUMEXP_LOG_OF_PAIR_H
