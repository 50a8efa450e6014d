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
        svg=f"{REPORTS}/figures/{{figure}}.svg",
        pdf=f"{REPORTS}/figures/{{figure}}.pdf",
        csv=f"{REPORTS}/figures/{{figure}}.csv",
    log:
        f"{RESULTS}/logs/figure/{{figure}}.log",
    params:
        tables=TABLES,
        selftest=known_selftest,
    message:
        "draw {wildcards.figure}"
    script:
        "../scripts/figure.py"
