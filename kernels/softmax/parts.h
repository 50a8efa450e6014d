// SPDX-License-Identifier: Apache-2.0
//
// parts.h: a row split over threads: what the parts of a row make of it after a pass (passline_combine).
#ifndef PASSLINE_SOFTMAX_PARTS_H
#define PASSLINE_SOFTMAX_PARTS_H

#include <math.h>

#include "passline.h"

static inline void parts_maximum(passline_part *parts, size_t n_parts) {
  float max = -INFINITY;
  for (size_t i = 0; i < n_parts; i++) max = fmaxf(parts[i].state.max, max);
  for (size_t i = 0; i < n_parts; i++) parts[i].state.max = max;
}

// Sums over one reference.
static inline void parts_sum(passline_part *parts, size_t n_parts) {
  double sum = 0.0;
  for (size_t i = 0; i < n_parts; i++) sum += parts[i].state.sum;
  for (size_t i = 0; i < n_parts; i++) parts[i].state.sum = (float)sum;
}

// Sums, each over the maximum of its part. That of a part of -inf alone is 0 beside others; alone, 0 times
// NaN.
static inline void parts_online(passline_part *parts, size_t n_parts) {
  float max = -INFINITY;
  for (size_t i = 0; i < n_parts; i++) max = fmaxf(parts[i].state.max, max);
  double sum = 0.0;
  for (size_t i = 0; i < n_parts; i++) sum += parts[i].state.sum * exp((double)parts[i].state.max - max);
  for (size_t i = 0; i < n_parts; i++) {
    parts[i].state.max = max;
    parts[i].state.sum = (float)sum;
  }
}

// The largest exponent of a part that weighs anything; 0 where none does.
static inline float parts_exponent(const passline_part *parts, size_t n_parts) {
  float top = -INFINITY;
  for (size_t i = 0; i < n_parts; i++)
    if (parts[i].state.mantissa > 0.0f) top = fmaxf(parts[i].state.exponent, top);
  return top > -INFINITY ? top : 0.0f;
}

// The sum of a part over 2^exponent. A mantissa of 0 is that of a part of -inf alone.
static inline double parts_weight(const passline_state *s, float exponent) {
  const double mantissa = (double)s->mantissa + s->rest;
  return mantissa > 0.0 ? mantissa * exp2((double)s->exponent - exponent) : mantissa;
}

// Sums as pairs (mantissa, exponent).
static inline void parts_pair(passline_part *parts, size_t n_parts) {
  const float exponent = parts_exponent(parts, n_parts);
  double sum = 0.0;
  float clamp = 0.0f;
  for (size_t i = 0; i < n_parts; i++) {
    sum += parts_weight(&parts[i].state, exponent);
    clamp = fmaxf(parts[i].state.clamp, clamp);
  }
  for (size_t i = 0; i < n_parts; i++) {
    parts[i].state.mantissa = (float)sum;
    parts[i].state.rest = (float)(sum - parts[i].state.mantissa);
    parts[i].state.exponent = exponent;
    parts[i].state.clamp = clamp;
  }
}

// Parts whose exponentials are stored, each over a reference of its own: the scale of each becomes its share
// of the row over its sum. Where that is too small for a float, though its elements may be large enough for
// their products not to be, they are multiplied by a part of it here.
static inline void parts_stored(passline_part *parts, size_t n_parts) {
  const float exponent = parts_exponent(parts, n_parts);
  double sum = 0.0;
  for (size_t i = 0; i < n_parts; i++) sum += parts_weight(&parts[i].state, exponent);
  for (size_t i = 0; i < n_parts; i++) {
    const double weight = parts_weight(&parts[i].state, exponent);
    double scale = weight == 0.0 ? weight / sum
                                 : weight / sum * ((double)parts[i].state.scale + parts[i].state.scale_rest);
    for (; 0.0 < scale && scale < 0x1p-100; scale *= 0x1p64)
      for (size_t k = 0; k < parts[i].n; k++) parts[i].y[k] *= 0x1p-64f;
    parts[i].state.scale = (float)scale;
    parts[i].state.scale_rest = (float)(scale - parts[i].state.scale);
  }
}

#endif  // PASSLINE_SOFTMAX_PARTS_H
