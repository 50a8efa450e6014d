"""Kernels with one defect each, and what the check must say of them.

Each is an ordinary correct loop with something added or changed, in the scalar ISA and
with libm's expf, so that nothing but the defect can be the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

_HEAD = """\
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "pass.h"

void PASSLINE_SYMBOL(size_t n, const float *x, float *y, passline_state *state) {
  (void)x;
  (void)y;
"""
_TAIL = """
}
"""


@dataclass(frozen=True)
class Wrong:
    """A kernel: its defect, its pass, its body, and a part of the reason of its rejection; None if it is right."""

    name: str
    pass_name: str
    body: str
    reason: str | None
    finish: str | None = None  # what turns its sums into a scale, where it is not the usual


_VSCALE = "for (size_t i = 0; i < n; i++) y[i] = expf(x[i] - state->max) * state->scale;"
_SUM = "float sum = 0; for (size_t i = 0; i < n; i++) sum += expf(x[i] - state->max); state->sum = sum;"
_RMAX = "float max = x[0]; for (size_t i = 1; i < n; i++) max = fmaxf(max, x[i]); state->max = max;"
_PAIR = """\
  float top = -0x1p22f, sum = 0;
  for (size_t i = 0; i < n; i++) {
    const double e = floor(x[i] * 1.4426950408889634);
    if (isinf(e) && e < 0) continue;
    if (e > top) {
      sum = ldexpf(sum, (int)fmax(top - e, -4000));
      top = (float)e;
    }
    sum += (float)(exp(x[i] - e * 0.6931471805599453) * ldexp(1, (int)fmax(e - top, -4000)));
  }
"""
_RECIPROCAL_SUM = "static void finish(passline_state *state) { state->scale = 1.0f / state->sum; }"
_RECIPROCAL_PAIR = """\
static void finish(passline_state *state) {
  if (isnan(state->mantissa) || state->mantissa == 0 || isinf(state->exponent)) state->mantissa = state->exponent = NAN;
  state->scale = 1.0f / state->mantissa;
}"""
_FINISH = {"raddexpminusmax": _RECIPROCAL_SUM, "raddextexp": _RECIPROCAL_PAIR}

KERNELS = (
    Wrong("right-vscale", "vscaleexpminusmax", _VSCALE, None),
    Wrong("right-sum", "raddexpminusmax", _SUM, None),
    Wrong("right-rmax", "rmax", _RMAX, None),
    # Another exponent for the same number is as right: only mantissa times 2^exponent counts.
    Wrong("right-pair", "raddextexp", _PAIR + "state->mantissa = sum / 4; state->exponent = top + 2;", None),
    Wrong("writes-one-too-many", "vscaleexpminusmax", _VSCALE + "y[n] = 0;", "SIGSEGV"),
    Wrong("writes-before", "vscaleexpminusmax", _VSCALE + "((volatile float *)y)[-1] = 0;", "SIGSEGV"),
    # Never over the edge of a page, so that only the canaries see it.
    Wrong(
        "writes-within-the-page",
        "vscaleexpminusmax",
        _VSCALE + "if (((uintptr_t)(y + n) & 4095) != 0) y[n] = 0;",
        "written outside",
    ),
    Wrong("reads-before", "vscaleexpminusmax", "const volatile float *v = x; (void)v[-1];" + _VSCALE, "SIGSEGV"),
    Wrong("reads-after", "raddexpminusmax", "const volatile float *v = x; (void)v[n];" + _SUM, "SIGSEGV"),
    Wrong(
        "off-by-1e-5", "vscaleexpminusmax", _VSCALE.replace("* state", "* 1.00001f * state"), "ULP off, the bound is 6"
    ),
    Wrong("sum-off-by-1e-5", "raddexpminusmax", _SUM.replace("= sum;", "= sum * 1.00001f;"), "sum of a row"),
    Wrong(
        "loses-nan",
        "vscaleexpminusmax",
        _VSCALE + "for (size_t i = 0; i < n; i++) if (isnan(x[i])) y[i] = 0;",
        "are NaN",
    ),
    Wrong("loses-nan-in-sum", "raddexpminusmax", _SUM.replace("sum +=", "if (!isnan(x[i])) sum +="), "are NaN"),
    Wrong(
        "infinity-is-finite",
        "raddexpminusmax",
        _SUM.replace("x[i] - state->max", "x[i] == state->max ? 0 : x[i] - state->max"),
        "are NaN",
    ),
    Wrong(
        "masked-is-not-zero",
        "vscaleexpminusmax",
        _VSCALE.replace("x[i] - state->max", "fmaxf(x[i] - state->max, -87)"),
        "is not 0 where",
    ),
    Wrong(
        "changes-x", "vscaleexpminusmax", _VSCALE + "if (y != x) ((float *)(uintptr_t)x)[n / 2] += 1;", "x was changed"
    ),
    Wrong("skips-a-tail", "vscaleexpminusmax", "if (n % 4 == 3) n--;" + _VSCALE, "nan ULP off"),
    Wrong("not-in-place", "vscaleexpminusmax", _VSCALE + "y[0] = expf(x[0] - state->max) * state->scale;", "in place"),
    Wrong(
        "misses-an-element",
        "rmax",
        _RMAX.replace("max = fmaxf", "if (i != 2) max = fmaxf"),
        "when element 2 is the largest",
    ),
    Wrong(
        "needs-a-clean-state", "raddexpminusmax", _SUM.replace("state->sum = sum", "state->sum += sum"), "sum of a row"
    ),
    Wrong(
        "wrong-scale",
        "raddexpminusmax",
        _SUM,
        "which the pass's own state gives",
        _RECIPROCAL_SUM.replace("1.0f", "1.0001f"),
    ),
    Wrong(
        "broken-exponent",
        "raddextexp",
        _PAIR + "state->mantissa = sum * 0x1.6a09e6p-1f; state->exponent = top + 0.5f;",
        "no integer",
    ),
    # 2^-130 counts as 0 where denormals are flushed, and only there.
    Wrong(
        "needs-denormals",
        "vscaleexpminusmax",
        "volatile float tiny = 0x1p-130f;" + _VSCALE.replace("* state", "* (tiny * 0x1p126f * 0x1p4f) * state"),
        "ULP off",
    ),
    Wrong(
        "does-not-return",
        "vscaleexpminusmax",
        _VSCALE + "for (volatile int go = 1; go;) {}",
        "did not return within 2 s",
    ),
    Wrong("ends-the-process", "vscaleexpminusmax", _VSCALE + "if (n > 1) exit(3);", "ended the process with status 3"),
)


def source_of(kernel: Wrong) -> str:
    """The C file of a kernel."""
    finish = kernel.finish or _FINISH.get(kernel.pass_name, "")
    export = f"PASSLINE_EXPORT(PASSLINE_SYMBOL, {'finish' if finish else 'NULL'}, NULL);"
    return f"{_HEAD}{kernel.body}{_TAIL}{finish}\n{export}\n"
