"""What the report asks of a session: a question a page, its answer in sentences, and the figure that shows it.

A question is a module here with

- ``TITLE``: the question, with the words of `titles.question_words` in braces;
- ``FIGURE``: the figure that answers it;
- ``answer(tables, plan) -> list[str]``: sentences from tables of all algorithms, or one that begins "Not known" and
  says why there is none;
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
    """Each question that the study can be asked: `key`, `title`, `figure`, sentences of its `answer`, whether `known`.

    Args:
        tables: all tables of one build, with what is beyond the paper.
        plan: the session's plan.
    """
    return [_asked(each, tables, plan) for each in QUESTIONS if not hasattr(each, "asked") or each.asked(plan)]


def _asked(question: ModuleType, tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> dict[str, Any]:
    answer = _answer(question, tables, plan)
    return {
        "key": question.__name__.rpartition(".")[2],
        "title": question.TITLE.format(**question_words(plan)),
        "figure": question.FIGURE,
        "answer": answer,
        "known": not answer[0].startswith("Not known"),
    }


def _answer(question: ModuleType, tables: Mapping[str, pd.DataFrame], plan: Mapping[str, Any]) -> list[str]:
    if not plan["measurement"] and not getattr(question, "DETERMINISTIC", False):
        return [WITHHELD]
    told: list[str] = question.answer(tables, plan)
    return told
