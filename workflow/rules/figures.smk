# One figure, as SVG and PDF, with the data drawn as CSV.
rule figure:
    input:
        tables=tables_of,
        plan=rules.plan.output.plan,
        numbers=rules.numbers.output[0],
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
