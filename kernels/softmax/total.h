// SPDX-License-Identifier: Apache-2.0
//
// total.h: the sum of the weights of a row, in one pass, without its maximum.
//
// The reference comes from a sample of the row: the largest of 128 scores, evenly spread. So the sum cannot
// vanish, as it holds the weight of that score, and whatever is so far below it that its weight is 0 does not
// count. It can only overflow. That is tested once per block: where all scores of a block are less than 2^64
// above the reference nothing has overflowed, and where one is more, the block is left, the maximum of what
// is left of the row is taken, and the sum goes on with it as its reference, from the same block on. What was
// summed before is multiplied by the ratio of the references, once. The reference moves at most once in a
// row, so that the worst that happens is a second look at the row.
//
// The test: with a saturating 2^n weights are right or infinite, and a lane that sums up to 32 of them and is
// below 2^64 holds none above 2^64. (A score too low for the mode makes NaN, infinity or, where a polynomial
// of odd degree overflows, a sum below 0: the test refuses all three, and so it does for NaN and +infinity.)
// Where 2^n wraps, no sum can tell: there the largest score of the block is kept beside, and is tested.
//
// Block sums are added in double precision: the error of a sum does not grow with the row.
#ifndef PASSLINE_SOFTMAX_TOTAL_H
#define PASSLINE_SOFTMAX_TOTAL_H

// 1 where the second half of a group's stages goes beside the first half of the next one's: what waits for a
// result and what does not then take turns, in the order written here. It takes 28 registers.
#ifndef PASSLINE_OVERLAP
#define PASSLINE_OVERLAP 0
#endif
#if PASSLINE_OVERLAP
#define VEC_KEEP_ORDER
#endif
#include "softmax/weights.h"

#if PASSLINE_OVERLAP && !(VEC_POW2_SATURATES && PASSLINE_UNROLL == 4)
#error "PASSLINE_OVERLAP needs a 2^n that saturates, and steps of one group, PASSLINE_UNROLL=4"
#endif

#define RARELY(condition) __builtin_expect((condition), 0)

// Not `cold`, which would compile it for size.
#define SELDOM static __attribute__((noinline))

typedef struct total {
  double sum;  // of the weights, too large by reference_excess; NaN where the row has no softmax
  reference reference;
  int careful;  // a score was too low for the plain modes
} total;

#ifndef PASSLINE_ACCUMULATORS
#error "compile with -DPASSLINE_ACCUMULATORS=, the independent partial sums"
#endif

enum {
  ADDITIONS = 32,  // of each lane of a block, in single precision: their rounding stays within a few ULP
  BLOCK = ADDITIONS * PASSLINE_ACCUMULATORS * LANES,
  SHORT_BLOCK = BLOCK <= 1024 ? BLOCK : 1024
};

// A short row is cut finer, where that is possible: the elements of the block that leaves the range are
// summed twice, and should be a small part of it.
SIMD_INLINE size_t block_size(size_t n) { return n < 4 * BLOCK ? SHORT_BLOCK : BLOCK; }

// Sums and stored weights are too large by this.
SIMD_INLINE double reference_excess(reference r) { return reference_unit(r) * reference_bias(r); }

typedef struct block {
  vec sum[PASSLINE_ACCUMULATORS];
  vec top;
} block;

// Adds v[i], vector number first + i of its step, to that accumulator modulo their number; v becomes its
// weights where they are to be stored.
SIMD_INLINE void block_add(weights_mode mode, int store, int count, int first, vec v[], const weights *w,
                           block *b) {
  vec d[WEIGHTS_GROUP], p[WEIGHTS_GROUP];
  vec_pow2 power[WEIGHTS_GROUP];
  weights_differences(mode, count, v, w, d);
  if (!VEC_POW2_SATURATES) {
    UNROLL_ALL
    for (int i = 0; i < count; i++) b->top = vec_max(d[i], b->top);
  }
  weigh(mode, 0, count, v, d, w, p, power);
  UNROLL_ALL
  for (int i = 0; i < count; i++) {
    vec *sum = &b->sum[(first + i) % PASSLINE_ACCUMULATORS];
    if (store) {
      v[i] = vec_mul_pow2(p[i], power[i]);
      *sum = vec_add(*sum, v[i]);
    } else {
      *sum = vec_fma_pow2(p[i], power[i], *sum);
    }
  }
}

SIMD_INLINE void block_group(weights_mode mode, int store, int count, int first, const float *x, float *y,
                             const weights *w, block *b) {
  vec v[WEIGHTS_GROUP];
  load_all(count, x + first * LANES, v);
  block_add(mode, store, count, first, v, w, b);
  if (store) store_all(count, y + first * LANES, v);
}

// A group of which half is done: what the other half needs.
typedef struct halfway {
  vec n[WEIGHTS_GROUP], r[WEIGHTS_GROUP], t[WEIGHTS_GROUP], p[WEIGHTS_GROUP];
} halfway;

SIMD_INLINE void half_multiply(const weights *w, halfway *h) {
  vec_pow2 power[WEIGHTS_GROUP];
  weights_powers(WEIGHTS_GROUP, h->n, h->r, w, power);
  UNROLL_ALL
  for (int i = 0; i < WEIGHTS_GROUP; i++) h->p[i] = vec_mul_pow2(h->p[i], power[i]);
}

SIMD_INLINE void half_add(int store, float *y, const halfway *h, block *b) {
  UNROLL_ALL
  for (int i = 0; i < WEIGHTS_GROUP; i++) {
    vec *sum = &b->sum[i % PASSLINE_ACCUMULATORS];
    *sum = vec_add(*sum, h->p[i]);
    if (store) vec_store(y + i * LANES, h->p[i]);
  }
}

SIMD_INLINE void half_first(weights_mode mode, const float *x, const weights *w, halfway *h) {
  vec v[WEIGHTS_GROUP], d[WEIGHTS_GROUP];
  load_all(WEIGHTS_GROUP, x, v);
  weights_differences(mode, WEIGHTS_GROUP, v, w, d);
  weights_grid(mode, WEIGHTS_GROUP, v, d, w, h->n);
  weights_split(WEIGHTS_GROUP, h->n, w, h->r);
  weights_left(WEIGHTS_GROUP, h->r, d, h->t);
  weights_begin(mode, 0, WEIGHTS_GROUP, h->t, &w->constants, h->p);
}

SIMD_INLINE void half_last(weights_mode mode, int store, float *y, const weights *w, halfway *h, block *b) {
  weights_end(mode, 0, WEIGHTS_GROUP, h->t, &w->constants, h->p);
  weights_from_table(WEIGHTS_GROUP, h->n, &w->constants, h->p);
  half_multiply(w, h);
  half_add(store, y, h, b);
}

// half_last of the group that is halfway, to y, beside half_first of the next, from x.
SIMD_INLINE void half_both(weights_mode mode, int store, const float *x, float *y, const weights *w,
                           halfway *h, block *b) {
  vec v[WEIGHTS_GROUP], d[WEIGHTS_GROUP];
  halfway next;
  load_all(WEIGHTS_GROUP, x, v);
  weights_differences(mode, WEIGHTS_GROUP, v, w, d);
  weights_end(mode, 0, WEIGHTS_GROUP, h->t, &w->constants, h->p);
  weights_grid(mode, WEIGHTS_GROUP, v, d, w, next.n);
  weights_from_table(WEIGHTS_GROUP, h->n, &w->constants, h->p);
  weights_split(WEIGHTS_GROUP, next.n, w, next.r);
  half_multiply(w, h);
  weights_left(WEIGHTS_GROUP, next.r, d, next.t);
  half_add(store, y, h, b);
  weights_begin(mode, 0, WEIGHTS_GROUP, next.t, &w->constants, next.p);
  *h = next;
}

// What a step finds in registers.
SIMD_INLINE void block_hold(weights *w, block *b) {
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_ACCUMULATORS; i++) vec_hold(&b->sum[i]);
  vec_hold(&b->top);
  vec_hold(&w->lowest);
  vec_hold(&w->to_grid);
}

SIMD_INLINE int block_in_range(block *b, const weights *w) {
  UNROLL_ALL
  for (int i = 1; i < PASSLINE_ACCUMULATORS; i++) b->sum[0] = vec_add(b->sum[0], b->sum[i]);
  if (VEC_POW2_SATURATES) return vec_all_within(b->sum[0], vec_set1(0x1p64f));
  return !vec_any_above(b->top, w->limit) && vec_all_within(b->sum[0], vec_set1(0x1p80f));
}

SIMD_INLINE block block_empty(void) {
  block b = {.top = vec_set1(-INFINITY)};
  UNROLL_ALL
  for (int i = 0; i < PASSLINE_ACCUMULATORS; i++) b.sum[i] = vec_set1(0.0f);
  return b;
}

// Adds the weights of block after block to *sum, until one leaves the range; the elements before it.
SIMD_INLINE size_t add_blocks(weights_mode mode, int store, reference r, size_t n, const float *x, float *y,
                              double *sum) {
  weights w = weights_of(mode, r, reference_unit(r));
  vec_sums sums = vec_sums_zero();
  const size_t most = block_size(n);
  size_t done = 0;
  while (done < n) {
    const size_t size = n - done < most ? n - done : most;
    const float *from = x + done;
    float *to = store ? y + done : y;
    size_t left = size;
    block b = block_empty();
    if (PASSLINE_OVERLAP && left >= STEP) {
      halfway h;
      half_first(mode, from, &w, &h);
      for (left -= STEP, from += STEP; left >= STEP; left -= STEP, from += STEP, to += store ? STEP : 0)
        half_both(mode, store, from, to, &w, &h, &b);
      half_last(mode, store, to, &w, &h, &b);
      to += store ? STEP : 0;
    }
    for (; left >= STEP; left -= STEP, from += STEP, to += store ? STEP : 0) {
      UNROLL_ALL
      for (int i = 0; i < WEIGHTS_GROUPS; i++)
        block_group(mode, store, WEIGHTS_GROUP, i * WEIGHTS_GROUP, from, to, &w, &b);
      block_hold(&w, &b);
      block_group(mode, store, WEIGHTS_REST, WEIGHTS_GROUPS * WEIGHTS_GROUP, from, to, &w, &b);
    }
    for (; left >= LANES; left -= LANES, from += LANES, to += store ? LANES : 0)
      block_group(mode, store, 1, 0, from, to, &w, &b);
    if (left > 0) {
      vec tail = vec_load_tail(from, left, vec_set1(-INFINITY));  // of weight 0
      block_add(mode, store, 1, 0, &tail, &w, &b);
      if (store) vec_store_tail(to, left, tail);
    }
    if (RARELY(!block_in_range(&b, &w))) break;
    vec_sums_add(&sums, b.sum[0]);
    done += size;
  }
  *sum += vec_sums_total(sums);
  return done;
}

// The larger of `so_far` and the largest of n scores; NaN is ignored, and met again by the sum.
SELDOM float row_maximum(size_t n, const float *x, float so_far) {
  vec top[4] = {vec_set1(so_far), vec_set1(so_far), vec_set1(so_far), vec_set1(so_far)};
  for (; n >= 4 * LANES; n -= 4 * LANES, x += 4 * LANES) {
    UNROLL_ALL
    for (int i = 0; i < 4; i++) top[i] = vec_max(vec_load(x + i * LANES), top[i]);
  }
  for (; n >= LANES; n -= LANES, x += LANES) top[0] = vec_max(vec_load(x), top[0]);
  if (n > 0) top[1] = vec_max(vec_load_tail(x, n, vec_set1(-INFINITY)), top[1]);
  return vec_reduce_max(vec_max(vec_max(top[0], top[1]), vec_max(top[2], top[3])));
}

// The largest score of a sample.
SIMD_INLINE float sample_maximum(size_t n, const float *x) {
  enum { SAMPLE = 128, VECTORS = SAMPLE / LANES };
  if (n <= SAMPLE) return row_maximum(n, x, -INFINITY);
  const size_t distance = (n - LANES) / (VECTORS - 1);
  vec top[4];
  UNROLL_ALL
  for (int k = 0; k < 4; k++) top[k] = vec_load(x + k * distance);
  top[3] = vec_max(vec_load(x + n - LANES), top[3]);
  for (size_t i = 4; i < VECTORS; i += 4) {
    UNROLL_ALL
    for (int k = 0; k < 4; k++) top[k] = vec_max(vec_load(x + (i + k) * distance), top[k]);
  }
  return vec_reduce_max(vec_max(vec_max(top[0], top[1]), vec_max(top[2], top[3])));
}

// y = y * factor for 0 <= factor < 2, which may be too small for a float; y is below 2^64.
SELDOM void scale_row(size_t n, float *y, double factor) {
  if (factor < 0x1p-214) {  // every product is below the smallest denormal
    memset(y, 0, n * sizeof *y);
    return;
  }
  const float first = factor < 0x1p-100 ? 0x1p-100f : 1.0f;
  const vec a = vec_set1(first), b = vec_set1((float)(factor / first));
  for (; n >= LANES; n -= LANES, y += LANES) vec_store(y, vec_mul(vec_mul(vec_load(y), a), b));
  if (n > 0) vec_store_tail(y, n, vec_mul(vec_mul(vec_load_tail(y, n, a), a), b));
}

// Goes on from the block that left the range.
SELDOM void add_the_rest(int store, size_t done, size_t n, const float *x, float *y, float top, total *t) {
  const float higher = row_maximum(n - done, x + done, top);
  // A score more than 2^64 above the reference has moved the maximum by more than 2^32.
  if (higher - top > 32.0f * (float)EXP_LN2 && higher < INFINITY) {
    const reference moved = reference_at(higher);
    const double ratio = exp2(reference_log2(t->reference) - reference_log2(moved)) *
                         reference_excess(moved) / reference_excess(t->reference);
    t->reference = moved;
    t->sum *= ratio;
    if (store) scale_row(done, y, ratio);
    if (reference_mode(moved) == NEAR)
      done += add_blocks(NEAR, store, moved, n - done, x + done, y + done, &t->sum);
    else if (reference_mode(moved) == FAR)
      done += add_blocks(FAR, store, moved, n - done, x + done, y + done, &t->sum);
  }
  if (done < n) {
    t->careful = 1;
    done += add_blocks(CAREFUL, store, t->reference, n - done, x + done, y + done, &t->sum);
  }
  if (done < n) t->sum = NAN;
}

// The weights of a row, stored to y where `store` says so, and their sum. In place no block can be done
// again: there the maximum comes first, and no score is too low.
SIMD_INLINE total total_of(int store, size_t n, const float *x, float *y) {
  const int in_place = store && x == y;
  float top = in_place ? row_maximum(n, x, -INFINITY) : sample_maximum(n, x);
  if (RARELY(top == -INFINITY)) top = row_maximum(n, x, top);
  total t = {.sum = NAN, .careful = in_place};
  if (RARELY(!(top < INFINITY))) return t;
  // A row of -inf alone has the sum 0, as far as it holds no NaN.
  const int empty = top == -INFINITY;
  t.sum = 0.0;
  t.reference = reference_at(empty ? 0.0f : top);
  size_t done = 0;
  const weights_mode mode = in_place || empty ? CAREFUL : reference_mode(t.reference);
  if (mode == NEAR)
    done = add_blocks(NEAR, store, t.reference, n, x, y, &t.sum);
  else if (mode == FAR)
    done = add_blocks(FAR, store, t.reference, n, x, y, &t.sum);
  if (RARELY(done < n)) add_the_rest(store, done, n, x, y, top, &t);
  return t;
}

// The sum as a pair.
SIMD_INLINE void total_pair(const total *t, passline_state *state) {
  double mantissa = t->sum / reference_excess(t->reference);
  state->exponent = t->reference.exponent;
  if (t->reference.shift != 0.0f) {
    const double log2_reference = reference_log2(t->reference), whole = floor(log2_reference);
    int exponent = 0;
    mantissa = frexp(mantissa, &exponent) * exp2(log2_reference - whole);
    state->exponent = (float)(whole + exponent);
  }
  state->mantissa = (float)mantissa;
  state->rest = (float)(mantissa - state->mantissa);
}

#endif  // PASSLINE_SOFTMAX_TOTAL_H
