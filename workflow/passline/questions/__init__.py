"""What the report asks of a session: a question a page, its answer in sentences, and the figure that shows it.

A question is a module here with

- ``FIGURE``: the figure that answers it;
- ``title(plan) -> str``: the question;
- ``asked(plan) -> bool``: whether the study can be asked it;
- ``answer(tables, plan) -> list[str]``: sentences from tables of all algorithms, or one that says why there is none;
- ``DETERMINISTIC``, where its answer does not rest on times: then a smoke run answers it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pandas as pd

from passline.questions import bound, errors, left, rival, stores, wins

QUESTIONS: tuple[ModuleType, ...] = (bound, wins, rival, stores, left, errors)
"""In the order in which the report asks."""

WITHHELD = "Withheld: this was a smoke run, whose times say nothing."


def questions(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each question that the study can be asked: `key`, `title`, `figure`, and the sentences of its `answer`.

    Args:
        tables: all tables of one build, with what is beyond the paper.
        plan: the session's plan.
    """
    return [
        {"key": _key(each), "title": each.title(plan), "figure": each.FIGURE, "answer": _answer(each, tables, plan)}
        for each in QUESTIONS
        if each.asked(plan)
    ]


def _key(question: ModuleType) -> str:
    return question.__name__.rpartition(".")[2]


def _answer(question: ModuleType, tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    if not plan["measurement"] and not getattr(question, "DETERMINISTIC", False):
        return [WITHHELD]
    told: list[str] = question.answer(tables, plan)
    return told
