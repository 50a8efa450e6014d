TEMPLATE = "reports/templates/report.typ"


# The PDF.
rule report:
    input:
        template=TEMPLATE,
        parts=template_parts(Path(TEMPLATE)),
        numbers=rules.numbers.output[0],
        figures=expand(f"{FIGURE}.svg", figure=FIGURES),
        notes=expand(f"{FIGURE}.json", figure=FIGURES),
        modules=modules("report"),
    output:
        report(
            f"{REPORTS}/report.pdf",
            caption="../report/report.rst",
            category=CATEGORIES[REPORT],
            labels={"document": "the whole report", "format": "PDF"},
        ),
    log:
        f"{RESULTS}/logs/report.log",
    message:
        "compile the report"
    script:
        "../scripts/report.py"


# The run fails, after its report is written, where a variant failed the check.
rule gate:
    input:
        report=rules.report.output[0],
        accuracy=rules.check.output[0],
        modules=modules("gate"),
    output:
        touch(f"{RESULTS}/done"),
    log:
        f"{RESULTS}/logs/gate.log",
    message:
        "report: {input.report}"
    script:
        "../scripts/gate.py"
