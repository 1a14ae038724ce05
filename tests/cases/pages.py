"""Runs and ledgers that are shown on pages, and what a page holds when it is taken apart."""

from __future__ import annotations

import base64
import json
import re
import zlib
from html.parser import HTMLParser
from typing import Any

import numpy as np

from mpc_sim import Cluster, Ledger, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.ledger.loads import RoundLoads


def finished(k: int = 5, n: int = 64) -> Simulation:
    words = np.random.default_rng(0).integers(0, 4, n)
    sim = Simulation(k_hop(k), fit_cluster(k_hop(k), n, "2/3", largest_word=5), words)
    sim.run()
    return sim


def random_ledger(n_machines: int, n_rounds: int, most: int) -> Ledger:
    rng = np.random.default_rng(0)
    cluster = Cluster(
        n_words=32 * n_machines, memory_words=most, n_machines=n_machines, block_words=32
    )
    rounds = [
        RoundLoads(f"round {number}", *rng.integers(0, most + 1, (3, n_machines)), n_messages=1)
        for number in range(n_rounds)
    ]
    return Ledger(cluster, np.full(n_machines, 32), rounds)


class Parsed(HTMLParser):
    """Tags with their attributes, scripts, and what stands in the elements with an id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.inside: list[str] = []
        self.parts: dict[str, str] = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style", "pre", "title"):
            self.inside.append(f"{tag} {dict(attrs).get('id', '')}".strip())

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1].split()[0] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.parts[self.inside[-1]] = self.parts.get(self.inside[-1], "") + data


def outward(html: str) -> list[str]:
    """Whatever in a page could ask somebody for something."""
    page = Parsed(html)
    loads = {"src", "srcset", "href", "action", "data", "poster", "background", "formaction"}
    found = [
        f"{tag} {name}={value}"
        for tag, attributes in page.tags
        for name, value in attributes.items()
        if name in loads and not (value or "").startswith("data:")
    ]
    code = page.parts.get("script", "") + page.parts.get("style", "")
    words = r"\b(?:fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import|@import|url)\b\s*\("
    found += re.findall(words, code) + re.findall(r"\w+:/{2}", code)
    policies = [one for _, one in page.tags if one.get("http-equiv") == "Content-Security-Policy"]
    if [(one["content"] or "").split(";")[0] for one in policies] != ["default-src 'none'"]:
        found.append("no policy")
    return found


def data_of(html: str) -> Any:
    return json.loads(Parsed(html).parts["script data"])


def unpacked(packed: dict[str, Any]) -> list[int]:
    """The words of a packed array, byte by byte."""
    planes, size = zlib.decompress(base64.b64decode(packed["data"])), packed["size"]
    assert len(planes) == size * packed["bytes"]
    return [sum(planes[k * size + i] << 8 * k for k in range(packed["bytes"])) for i in range(size)]
