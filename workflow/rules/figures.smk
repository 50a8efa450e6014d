# How good the session's data are, for the note beside each figure.
rule quality:
    input:
        ratios=rules.ratios.output.ratios,
        counters=rules.counters.output[0],
        plan=rules.plan.output.plan,
        modules=modules("quality"),
    output:
        f"{RESULTS}/quality.json",
    log:
        f"{RESULTS}/logs/quality.log",
    params:
        selftest=known_selftest,
    message:
        "say how good the data are"
    script:
        "../scripts/quality.py"


# One figure, as SVG and PDF, with the data drawn as CSV.
rule figure:
    input:
        tables=tables_of,
        plan=rules.plan.output.plan,
        quality=rules.quality.output[0],
        figure="workflow/figures/{figure}.py",
        parts=parts_of,
        modules=modules("figure"),
    output:
        svg=report(
            f"{FIGURE}.svg",
            caption="../report/figure.rst",
            category=lambda wildcards: CATEGORIES[SHOWN[wildcards.figure].section],
            labels=labels_of,
        ),
        pdf=f"{FIGURE}.pdf",
        csv=f"{FIGURE}.csv",
        json=f"{FIGURE}.json",
    log:
        f"{RESULTS}/logs/figure/{{figure}}.log",
    params:
        tables=TABLES,
        selftest=known_selftest,
        # For the report of `snakemake --report` alone.
        caption=lambda wildcards: SHOWN[wildcards.figure].caption,
    message:
        "draw {wildcards.figure}"
    script:
        "../scripts/figure.py"
