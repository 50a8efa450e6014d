"""The session's setup, its paths, and the modules that a script depends on, for all rules."""

import os
from glob import glob

from snakemake.exceptions import WorkflowError

from passline.counters.chain import mode_of
from passline.effort import FINE
from passline.errors import PasslineError
from passline.html_report import REPORT, TABLE, categories, row_of, shown_figures
from passline.imports import figure_tables, module_files, template_parts
from passline.imports import script_modules as modules
from passline.machine import write_machine
from passline.measure.spec import write_json
from passline.measure.worker import RUN
from passline.known_baselines import installed
from passline.registry import sha256, source_files
from passline.setup import load

try:
    SETUP = load(config)
    config.update(SETUP.config)  # with what it takes from other sessions
    COUNTERS = mode_of(config["counters"])
    SHOWN = shown_figures(sorted(Path("workflow/figures").glob("[a-z]*.py")), SETUP)
except PasslineError as error:
    raise WorkflowError(str(error)) from None

RESULTS = SETUP.results
TABLES = f"{RESULTS}/tables"
REPORTS = SETUP.reports
FIGURE = f"{REPORTS}/figures/{{figure}}"
FIGURES = list(SHOWN)
CATEGORIES = categories(SHOWN.values())
SELFTEST = f"{TABLES}/selftest.csv"
PROBED = f"{RESULTS}/raw/counters/probe.json"
COMPILERS = config["compilers"]
os.environ[RUN] = str(os.getpid())
write_machine(SETUP.machine, Path(RESULTS, "machine.json"))
write_json(Path(RESULTS, "config.json"), config)


# Of the session's studies, and of those that they take passes from.
FOLDERS = sorted({str(f) for study in SETUP.studies.values() for f in study.folders})
REFERENCES = [str(path) for f in FOLDERS if (path := Path(f, "reference.py")).is_file()]


wildcard_constraints:
    compiler="[A-Za-z0-9_.+-]+",
    study="[a-z0-9_]+",
    step="ceilings|tuning|choosing|times|selftest",


def sources_of(wildcards):
    """C files that an object depends on, and the study.yaml of each study they are of."""
    study = SETUP.studies[wildcards.study]
    return [*map(str, (*source_files(study, wildcards["pass"]), *study.paths))]


def folder_of(wildcards):
    """Where a study lies."""
    return str(SETUP.studies[wildcards.study].folder)


def objects_of(wildcards):
    """Objects of one compiler's library."""
    folder = f"{RESULTS}/build/{wildcards.compiler}/objects"
    return [f"{folder}/{study}.{name}.{isa}.o" for study, name, isa in SETUP.passes]


def previous_step(wildcards):
    """The manifest of the measuring step before this one; the self-test stands by itself."""
    before = {
        "tuning": ["ceilings"],
        "choosing": ["tuning"],
        "times": ["choosing"],
    }.get(wildcards.step, [])
    return [f"{RESULTS}/raw/{step}/manifest.json" for step in before]


def asked_first(wildcards):
    """What is asked of the machine before the first measuring step."""
    return [PROBED] if wildcards.step == "ceilings" else []


def known_selftest(wildcards):
    """The self-test's table and its hash where it ran, else nothing: rules that show it run again after it did."""
    if "figure" in wildcards.keys() and not figure_tables(
        figure_file(wildcards.figure), "OPTIONAL"
    ):
        return ["", ""]
    return [SELFTEST, sha256(Path(SELFTEST))] if Path(SELFTEST).is_file() else ["", ""]


def figure_file(name):
    """A figure's module."""
    return Path("workflow/figures", f"{name}.py").absolute()


def shown_table(name):
    """A table's file, which the report of `snakemake --report` holds."""
    return report(
        f"{TABLES}/{name}.csv",
        caption="../report/table.rst",
        category=CATEGORIES[TABLE],
        labels={"table": name, "one row per": row_of(name)},
    )


def labels_of(wildcards):
    """What a figure is called there."""
    name = wildcards.figure
    return {"figure": name.replace("_", " "), "shows": SHOWN[name].summary}


def tables_of(wildcards):
    """Tables that a figure reads: its TABLES."""
    names = figure_tables(figure_file(wildcards.figure))
    return [f"{TABLES}/{name}.csv" for name in names]


def parts_of(wildcards):
    """Our modules that a figure imports."""
    return module_files(figure_file(wildcards.figure))
