"""The README and the how-tos: commands print what is shown, examples run, links lead somewhere."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from reductions.cli import main
from repository import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
HOW_TO = {
    path: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs" / "how-to").glob("*.md"))
    # test_how_to.py and test_how_to_attention.py write the files that these show
    if path.name not in ("own-protocol.md", "own-attention.md")
}
COLUMNS = 120
SUFFIXES = ("py", "md", "txt", "toml", "cff", "ipynb")


@dataclass(frozen=True)
class Shown:
    """A command of a console block, and the output below it."""

    command: str
    output: str


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[Shown]:
    """Every command of the console blocks."""
    found = []
    for block in blocks(text, "console"):
        before, *rest = re.split(r"^\$ ", block, flags=re.MULTILINE)
        if before:
            raise ValueError(f"a console block begins with output: {before!r}")
        found += [Shown(*one.split("\n", 1)) for one in rest]
    return found


def comparable(output: str) -> list[str]:
    """Lines without trailing spaces and without the seconds, which differ from run to run."""
    masked = re.sub(r"\bin [0-9.]+ s\b", "in ... s", output)
    return [line.rstrip() for line in masked.strip("\n").split("\n")]


def run(command: str) -> str:
    """The standard output of a command of ours, in this process."""
    program, *arguments = shlex.split(command)
    if program != "anna-mpc":
        raise ValueError(f"the README shows {command!r}, which this test does not run")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = main(arguments)
    assert status == 0
    return out.getvalue()


def dead_links(text: str, root: Path, folder: Path | None = None) -> list[str]:
    """Local links of a page in a folder, and file names in backticks, to files not there."""
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    local = [link for link in links if not re.match(r"\w+:", link)]
    dead = [link for link in local if not ((folder or root) / link).exists()]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    names = re.findall(rf"`([\w./]+\.(?:{'|'.join(SUFFIXES)}))`", prose)
    return dead + [name for name in names if not [*root.glob(name), *root.glob(f"[!.]*/**/{name}")]]


def failed_examples(source: str) -> tuple[int, int]:
    """Failed and attempted examples of a block, and nothing printed."""
    test = doctest.DocTestParser().get_doctest(source, {}, "README", "README.md", 0)
    result = doctest.DocTestRunner(verbose=False).run(test, out=lambda _: None)
    return result.failed, result.attempted


COMMANDS = [shown for text in (README, *HOW_TO.values()) for shown in commands(text)]
EXAMPLES = [block for block in blocks(README, "python") if ">>>" in block]
EXAMPLES += ["\n".join(blocks(text, "python")) for text in HOW_TO.values()]
"""Of the README one by one, of another page as one session."""


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def test_both_commands_and_an_example_are_shown() -> None:
    lines = [shown.command for shown in COMMANDS]
    assert len(lines) == len(set(lines)) >= 2
    for start in ("anna-mpc certify k-hop", "anna-mpc certify match2"):
        assert any(line.startswith(start) for line in lines)
    assert EXAMPLES
    assert README.count("```") == 2 * len(re.findall(r"^```\w+$", README, re.MULTILINE))


@pytest.mark.parametrize("shown", COMMANDS, ids=lambda shown: shown.command)
def test_a_command_prints_what_is_shown(shown: Shown) -> None:
    assert comparable(run(shown.command)) == comparable(shown.output)


@pytest.mark.parametrize("source", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs(source: str) -> None:
    failed, attempted = failed_examples(source)
    assert failed == 0
    assert attempted > 0


def test_links_lead_somewhere() -> None:
    assert HOW_TO
    assert dead_links(README, ROOT) == []
    for path, text in HOW_TO.items():
        assert dead_links(text, ROOT, path.parent) == []


def test_the_first_lines_say_which_mpc() -> None:
    start = " ".join(README.split())[:400]
    for words in ("massively parallel", "secure multi-party", "model-predictive", "reduction"):
        assert words in start.replace("*", "")


# --- canaries ---


def test_canary_comparable() -> None:
    shown = "rows   3   \nPASS: 3 checks in 0.92 s\n"
    assert comparable(shown) == comparable("rows   3\nPASS: 3 checks in 11.5 s  \n\n")
    for other in (
        "rows   4\nPASS: 3 checks in 0.92 s",
        "rows  3\nPASS: 3 checks in 0.92 s",
        "rows   3\nPASS: 4 checks in 0.92 s",
        "rows   3\nFAIL: 3 checks in 0.92 s",
        "rows   3\nPASS: 3 checks in a while",
        "rows   3",
    ):
        assert comparable(shown) != comparable(other)


def test_canary_a_changed_figure_is_found() -> None:
    (shown,) = (one for one in COMMANDS if one.command == "anna-mpc certify match2")
    changed = shown.output.replace("layers                            1", "layers" + 28 * " " + "2")
    assert changed != shown.output
    assert comparable(run(shown.command)) != comparable(changed)


def test_canary_commands() -> None:
    text = (
        "```console\n$ anna-mpc list\na\nb\n$ anna-mpc --version\n```\n\n```python\n>>> 1\n1\n```\n"
    )
    assert commands(text) == [Shown("anna-mpc list", "a\nb\n"), Shown("anna-mpc --version", "")]
    assert blocks(text, "python") == [">>> 1\n1\n"]
    with pytest.raises(ValueError, match="begins with output"):
        commands("```console\nanna-mpc list\n```\n")
    with pytest.raises(ValueError, match="does not run"):
        run("make demo")


def test_canary_examples() -> None:
    assert failed_examples(">>> 1 + 1\n2\n>>> 1 + 1\n3\n") == (1, 2)


def test_canary_dead_links(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "kept.py").touch()
    text = "[a](inner/kept.py#part) [b](gone.md) [c](https://arxiv.org/abs/1) `kept.py` `lost.py`"
    assert dead_links(text, tmp_path) == ["gone.md", "lost.py"]
    for link, dead in (("kept.py", []), ("inner/kept.py", ["inner/kept.py"])):
        assert dead_links(f"[a]({link})", tmp_path, tmp_path / "inner") == dead
