"""The refusals that rules may give, each with a code and the figures a page needs to say it in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

Code = Literal[
    "invalid",
    "forbidden",
    "not_found",
    "too_fast",
    "banned",
    "too_large",
    "signed_out",
    "unavailable",
]


class Refused(Exception):
    """A verb was refused. `code` is part of the wire contract; `detail` picks the sentence.

    `detail` names the catalogue string `error.<detail>`; without one the sentence of the code is
    used. `params` fill that sentence. `retry_after` is in seconds. `others` were found in the same
    check, for pages that can show more than one.
    """

    def __init__(
        self,
        code: Code,
        detail: str = "",
        *,
        retry_after: float | None = None,
        **params: Any,
    ) -> None:
        super().__init__(detail or code)
        self.code: Code = code
        self.detail = detail or code
        self.params = params
        self.retry_after = retry_after
        self.others: tuple[Refused, ...] = ()


def check_all(*rules: Callable[[], Any]) -> list[Any]:
    """Give what each rule gives. Raises the first Refused with all the others, once every rule ran."""
    given: list[Any] = []
    refusals: list[Refused] = []
    for rule in rules:
        try:
            given.append(rule())
        except Refused as refused:
            refusals.append(refused)
    if refusals:
        refusals[0].others = tuple(refusals[1:])
        raise refusals[0]
    return given


class Malformed(Exception):
    """A data file's content has a wrong shape. `key` is the top-level key at fault, if there is one."""

    def __init__(self, problem: str, key: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.key = key
