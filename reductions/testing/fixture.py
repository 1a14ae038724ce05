"""The pytest fixture ``conforms``; needs pytest, as nothing else here does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mpc_sim import Protocol
from reductions.testing.conformance import assert_conforms
from reductions.testing.not_conforming import NotConforming


@pytest.fixture
def conforms(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return ``assert_conforms``; a check that fails gets a section of its own in the report.

    The name of the check is also a property ``conformance`` of the test, which junit files show.

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> def test_columnsort(conforms):
    ...     conforms(columnsort(), [5, 1, 4, 1, 0, 3], oracle=sorted)
    """

    def check(protocol: Protocol, inputs: Any, **options: Any) -> None:
        __tracebackhide__ = True
        try:
            assert_conforms(protocol, inputs, **options)
        except NotConforming as fault:
            request.node.user_properties.append(("conformance", fault.check))
            request.node.add_report_section("call", "conformance", fault.report())
            raise

    return check
