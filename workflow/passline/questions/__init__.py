"""What the report asks of a session: a question a page, its answer in sentences, and the figure that shows it.

A question is a module here with

- ``TITLE``: the question, with the words of `titles.question_words` in braces;
- ``FIGURE``: the figure that answers it;
- ``answer(tables, plan) -> list[str]``: sentences from tables of all algorithms, or one that says why there is none;
- ``asked(plan) -> bool``, where not every study can be asked it;
- ``DETERMINISTIC``, where its answer does not rest on times: then a smoke run answers it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pandas as pd

from passline.questions import bound, errors, left, rival, stores, wins
from passline.titles import question_words

QUESTIONS: tuple[ModuleType, ...] = (bound, wins, rival, stores, left, errors)
"""In the order in which the report asks."""

WITHHELD = "Withheld: this was a smoke run, whose times say nothing."


def questions(tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each question that the study can be asked: `key`, `title`, `figure`, and the sentences of its `answer`.

    Args:
        tables: all tables of one build, with what is beyond the paper.
        plan: the session's plan.
    """
    words = question_words(plan)
    return [
        {
            "key": each.__name__.rpartition(".")[2],
            "title": each.TITLE.format(**words),
            "figure": each.FIGURE,
            "answer": _answer(each, tables, plan),
        }
        for each in QUESTIONS
        if not hasattr(each, "asked") or each.asked(plan)
    ]


def _answer(question: ModuleType, tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    if not plan["measurement"] and not getattr(question, "DETERMINISTIC", False):
        return [WITHHELD]
    told: list[str] = question.answer(tables, plan)
    return told
