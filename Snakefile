# Passline: `snakemake` reproduces "The Two-Pass Softmax Algorithm" on this machine and writes
# reports/<machine>/<session>/report.pdf. Configuration: workflow/config; ways of running: profiles.

from snakemake.utils import min_version

min_version("9.19")


configfile: "workflow/config/default.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/build.smk"
include: "workflow/rules/check.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/count.smk"
include: "workflow/rules/selftest.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        rules.gate.output,
