# One figure, as SVG and PDF, with the data drawn as CSV.
rule figure:
    message:
        "draw {wildcards.figure}"
    input:
        tables=tables_of,
        plan=rules.plan.output.plan,
        figure="workflow/figures/{figure}.py",
        parts=parts_of,
        modules=modules("figure"),
    output:
        svg=f"{REPORTS}/figures/{{figure}}.svg",
        pdf=f"{REPORTS}/figures/{{figure}}.pdf",
        csv=f"{REPORTS}/figures/{{figure}}.csv",
    params:
        tables=TABLES,
    log:
        f"{RESULTS}/logs/figure/{{figure}}.log",
    script:
        "../scripts/figure.py"
