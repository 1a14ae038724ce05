"""Pages and notebooks in a real browser: keys, touch, layout, and what goes over the network."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import HOST, PATIENCE_SECONDS, Page, beyond, chromium, executable, overlapping
from cases.notebooks import small
from cases.pages import finished, random_ledger
from mpc_sim import Cluster, Ledger, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.ledger.table import ledger_rows
from reductions import compile_protocol
from repository import ROOT

NOTEBOOKS = ROOT / "notebooks"
SCREENS = {
    "phone": (390, 844, True),
    "small phone": (320, 568, True),
    "desktop": (1280, 900, False),
}
PARTS = (
    "header > h1, header > p, nav button, nav input, #where, label.choice, .hint, h2, h3, "
    "dl > div, canvas, .legend, .status, .note, .channel, .scroll, details"
)
WITHIN_MS = 1000
ROWS = "[...document.querySelectorAll('#memory tbody tr')].map(row => row.innerText.trim())"
CORNER = "(b => [b.left, b.top])(document.querySelector('canvas').getBoundingClientRect())"
COLOURS = """new Set(new Uint32Array(
  document.querySelector('canvas').getContext('2d').getImageData(60, 30, 400, 400).data.buffer
)).size"""
PROMPTS = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(x => x.innerText)"
IS_STEP = "document.documentElement.dataset.step === '{}'"


def in_browser(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that needs Chromium; without one it is skipped."""
    missing = pytest.mark.skipif(executable() is None, reason="there is no Chromium")
    return pytest.mark.browser(missing(test))


in_jupyterlab = pytest.mark.skipif(
    not importlib.util.find_spec("jupyterlab"), reason="there is no JupyterLab"
)


def browse(tmp_path: Path, visit: Callable[[Page], Coroutine[Any, Any, None]]) -> None:
    """Run a visit in a browser of its own."""

    async def go() -> None:
        async with chromium(tmp_path / "profile") as page:
            await visit(page)

    asyncio.run(go())


async def open_page(page: Page, path: Path) -> int:
    """Open a saved page and wait until it is drawn; return after how many milliseconds it was."""
    await page.open(path.as_uri())
    return int(await page.wait("document.documentElement.dataset.drawn"))


async def text_of(page: Page, selector: str) -> str:
    return str(await page.ask(f"document.querySelector({json.dumps(selector)}).innerText"))


async def assert_laid_out(page: Page, width: int) -> None:
    boxes = await page.boxes(PARTS)
    assert len(boxes) > 12
    assert overlapping(boxes) == []
    assert beyond(boxes, width) == []
    assert await page.ask("document.documentElement.scrollWidth") <= width


def size_of_png(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:24])
    return width, height


@pytest.fixture(scope="module")
def sim() -> Simulation:
    return finished(k=6, n=150)


@in_browser
@pytest.mark.parametrize("screen", SCREENS)
def test_a_run_is_stepped_without_a_network(tmp_path: Path, sim: Simulation, screen: str) -> None:
    width, height, is_phone = SCREENS[screen]
    path, trace = tmp_path / "run.html", sim.trace()
    trace.save_html(path)

    async def visit(page: Page) -> None:
        await page.size(width, height, phone=is_phone)
        await page.offline()
        await open_page(page, path)
        assert await text_of(page, "#where") == "input (0 of 10)"
        await assert_laid_out(page, width)
        for step, key in ((1, "ArrowRight"), (2, "ArrowRight"), (10, "End"), (9, "ArrowLeft")):
            await page.press(key)
            await page.wait(IS_STEP.format(step))
            label = f"round {step - 1}: {sim.ledger.labels[step - 1]} ({step} of 10)"
            assert await text_of(page, "#where") == label
        for _ in range(3):
            await page.press("ArrowDown")
        view = trace.machine(3, round=9)
        held = f"Machine 3: {view.words} of {view.memory_words} words held."
        await page.wait(f"document.querySelector('#grid .status').innerText.startsWith('{held}')")
        await page.wait("document.querySelector('#memory h2').innerText.startsWith('Machine 3 ')")
        shown = [tuple(map(int, row.lstrip("+").split())) for row in await page.ask(ROWS)]
        assert shown == [record for records in view.records.values() for record in records]
        await assert_laid_out(page, width)
        await page.screenshot(tmp_path / "run.png")
        assert size_of_png(tmp_path / "run.png")[0] == width * (2 if is_phone else 1)
        await page.press("Home")
        await page.wait(IS_STEP.format(0))
        assert page.requests == [path.as_uri()]
        assert (page.failed, page.complaints) == ([], [])

    browse(tmp_path, visit)


@in_browser
def test_a_finger_steps_and_chooses(tmp_path: Path, sim: Simulation) -> None:
    path = tmp_path / "loads.html"
    sim.ledger.save_html(path)

    async def visit(page: Page) -> None:
        await page.size(390, 844, phone=True)
        await open_page(page, path)
        (button,) = await page.boxes("nav button[aria-label='next round']")
        assert button[3] - button[1] >= 44 <= button[4] - button[2]
        await page.tap((button[1] + button[3]) / 2, (button[2] + button[4]) / 2)
        await page.wait(IS_STEP.format(1))
        await page.ask("document.querySelector('canvas').scrollIntoView()")
        box = await page.ask(CORNER)
        await page.tap(box[0] + 45, box[1] + 100)
        await page.wait("document.documentElement.dataset.step > 1")
        step = int(await page.ask("document.documentElement.dataset.step"))
        held = sim.ledger.held[step - 1, 0]
        await page.wait(
            f"document.querySelector('#grid .status').innerText.startsWith('Machine 0: {held} of')"
        )
        assert page.complaints == []

    browse(tmp_path, visit)


@in_browser
@pytest.mark.parametrize("screen", ["phone", "desktop"])
def test_a_transformer_is_stepped_without_a_network(tmp_path: Path, screen: str) -> None:
    width, height, is_phone = SCREENS[screen]
    words = np.random.default_rng(0).integers(0, 5, 40)
    cluster = fit_cluster(k_hop(2), 40, "2/3", largest_word=6)
    trace = compile_protocol(k_hop(2), cluster, attention="anna").trace(words)
    path = tmp_path / "run.html"
    trace.save_html(path, title="2-hop as a transformer")

    async def visit(page: Page) -> None:
        await page.size(width, height, phone=is_phone)
        await page.offline()
        await open_page(page, path)
        await page.press("End")
        await page.press("ArrowLeft")
        await page.press("ArrowDown")
        step = trace.n_layers - 1
        await page.wait(IS_STEP.format(step))
        assert await text_of(page, "#where") == f"{trace.labels[step]} ({step} of {step + 1})"
        await page.wait("document.querySelector('#memory h2').innerText.startsWith('Token 1 ')")
        titles = [side.title for side in trace.sides(step)]
        shown = await page.ask("[...document.querySelectorAll('h3')].map(one => one.innerText)")
        assert shown == titles
        token, machine = await page.ask(
            "[...document.querySelectorAll('.side')].slice(0, 2).map("
            "side => [...side.querySelectorAll('tbody tr')].map(row => row.innerText))"
        )
        assert len(token) == sum(
            len(x) for x in trace.machines.machine(1, step - 1).records.values()
        )
        assert token == machine
        await page.ask("choose(1), state.matrix = 2, show()")
        await page.wait(
            "document.querySelector('#matrix .note').innerText.includes('attend to some token')"
        )
        await assert_laid_out(page, width)
        await page.screenshot(tmp_path / "run.png")
        assert page.requests == [path.as_uri()]
        assert (page.failed, page.complaints) == ([], [])

    browse(tmp_path, visit)


@in_browser
def test_4096_machines_and_64_rounds_draw_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "loads.html"
    random_ledger(4096, 64, most=64).save_html(path)

    async def visit(page: Page) -> None:
        drawn = []
        for _ in range(3):
            await page.size(1280, 900)
            drawn.append(await open_page(page, path))
        step = (
            "(async () => { const start = performance.now(); await goTo(3); "
            "await show(); return performance.now() - start; })()"
        )
        assert min(drawn) < WITHIN_MS
        assert await page.ask(COLOURS) > 50
        assert await page.ask(step) < WITHIN_MS

    browse(tmp_path, visit)


@in_browser
def test_words_beyond_doubles_are_shown_whole(tmp_path: Path) -> None:
    large = [2**62 - 1, 2**53 + 1, 2**48 - 1, 0]
    cluster = Cluster(n_words=4, memory_words=4, n_machines=1, block_words=4, word_bits=62)
    trace = Simulation(k_hop(0), cluster, large).trace()
    trace.save_html(tmp_path / "run.html")

    async def visit(page: Page) -> None:
        await open_page(page, tmp_path / "run.html")
        await page.wait(f"{ROWS}.length")
        assert list(map(int, await page.ask(ROWS))) == large

    browse(tmp_path, visit)


@in_browser
def test_canary_a_request_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text("<p>a</p><img src='none.png'><script>throw Error('oops')</script>")

    async def visit(page: Page) -> None:
        await page.open(path.as_uri())
        await page.wait("document.images[0].complete")
        assert page.requests == [path.as_uri(), (tmp_path / "none.png").as_uri()]
        assert page.failed == ["net::ERR_FILE_NOT_FOUND"]
        assert any("oops" in complaint for complaint in page.complaints)

    browse(tmp_path, visit)


# --- JupyterLab ---


@asynccontextmanager
async def jupyterlab(folder: Path, home: Path) -> AsyncIterator[str]:
    """Start JupyterLab over a folder, with nobody's settings; give its address, end it."""
    parts = ("CONFIG", "DATA", "RUNTIME")
    places = {f"JUPYTER_{part}_DIR": str(home / part.lower()) for part in parts}
    places["IPYTHONDIR"] = str(home / "ipython")
    settings = {
        "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is in the document
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    }
    for name, values in settings.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    options = [
        "--no-browser",
        "--allow-root",
        f"--ip={HOST}",
        "--port=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly",
        f"--LabApp.user_settings_dir={home / 'settings'}",
    ]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            stdout=log,
            stderr=log,
            env=os.environ | places,
        ) as process,
    ):
        try:
            yield await _address(home / "runtime", process)
        finally:
            process.terminate()
            process.wait()


async def _address(runtime: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(int(PATIENCE_SECONDS / 0.1)):
        for noted in runtime.glob("jpserver-*.json"):
            if text := noted.read_text():
                return str(json.loads(text)["url"])
        assert process.poll() is None, "JupyterLab ended"
        await asyncio.sleep(0.1)
    raise AssertionError("JupyterLab does not start")


PANEL = "[...jupyterapp.shell.widgets('main')][0]"
STEPPED = "[...document.querySelectorAll('.jp-CodeCell')].at(-2)"
STEPPED_LAYERS = "[...document.querySelectorAll('.jp-CodeCell')].at(-1)"
IN_WIDGETS = (
    ".widget-slider, .widget-text, .widget-dropdown, .widget-html, .anna-mpc-grid canvas, "
    ".anna-mpc-grid .legend"
)


def with_output(ledger: Ledger) -> dict[str, Any]:
    """A notebook that nobody ran here, with a ledger among its outputs."""
    output = {
        "output_type": "execute_result",
        "execution_count": 1,
        "metadata": {},
        "data": {"text/html": ledger._repr_html_(), "text/plain": str(ledger)},
    }
    notebook = small("ledger")
    notebook["cells"][0] |= {"execution_count": 1, "outputs": [output]}
    return notebook


def cells_of(ledger: Ledger) -> list[list[str]]:
    """The cells of the table of a ledger, and to which side they are set."""
    rows = ledger_rows(ledger)
    return [
        [str(cell), "left" if column == 1 else "right"]
        for row in rows
        for column, cell in enumerate(row)
    ]


@in_jupyterlab
@in_browser
def test_notebook_01_is_run_and_stepped_by_keyboard(tmp_path: Path) -> None:
    folder, home = tmp_path / "notebooks", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    shutil.copy(NOTEBOOKS / "01_step_through_k_hop.ipynb", folder)
    ledger = finished(k=2, n=40).ledger
    (folder / "untrusted.ipynb").write_text(json.dumps(with_output(ledger)))

    async def visit(page: Page, address: str) -> None:
        await page.size(1280, 900)
        await page.open(f"{address}lab/tree/01_step_through_k_hop.ipynb")
        await page.wait(
            f"window.jupyterapp && {PANEL}?.sessionContext?.session?.kernel?.status === 'idle'"
        )
        await page.ask("void jupyterapp.commands.execute('notebook:run-all-cells')")
        for cell in (STEPPED, STEPPED_LAYERS):
            await page.wait(f"!!{cell}?.querySelector('.anna-mpc-grid canvas')?.style.height")
        await page.wait(f"{PROMPTS}.every((prompt, i) => prompt === `[${{i + 1}}]:`)")
        said = f"{STEPPED}.querySelector('.jp-OutputArea').innerText"
        await page.wait(f"{said}.includes('machine 0 before round 10: ')")
        await page.wait(f"{said}.includes('round 9 (answer)')")
        await page.ask(f"{STEPPED}.querySelector('.noUi-handle').focus()")
        await page.press("ArrowLeft")
        await page.wait(f"{said}.includes('machine 0 before round 9: ')")
        await page.wait(f"{said}.includes('round 8 (double: bit 1')")
        await page.wait(
            "document.querySelector('.widget-slider .widget-readout').innerText === '9'"
        )
        rows = "[...document.querySelectorAll('.anna-mpc-grid')].map(one => one.dataset.row)"
        await page.wait(f"{rows}[0] === '9'")
        await page.ask(f"{STEPPED}.querySelector('canvas').focus()")
        await page.press("ArrowRight")
        await page.wait(f"{said}.includes('machine 1 before round 9: ')")
        assert overlapping(await page.boxes(IN_WIDGETS)) == []
        await page.ask(f"{STEPPED}.scrollIntoView()")
        left, top = await page.ask(CORNER)
        await page.click(
            left + 40 + 3.5 * 30, top + 18 + 5.5 * 22
        )  # the cell of round 4, machine 3
        await page.wait(f"{said}.includes('machine 3 before round 5: ')")
        await page.screenshot(tmp_path / "machines.png")
        tokens = f"{STEPPED_LAYERS}.querySelector('.jp-OutputArea').innerText"
        await page.ask(f"{STEPPED_LAYERS}.querySelector('.noUi-handle').focus()")
        for label in ("layer 0: init", "layer 1: round 0, columnsort / load"):
            await page.press("ArrowRight")
            await page.wait(f"{tokens}.includes('{label}')")
        await page.wait(f"{tokens}.includes('the same')")
        await page.wait(f"{tokens}.includes('token: received, decoded')")
        await page.ask(f"{STEPPED_LAYERS}.scrollIntoView()")
        await page.screenshot(tmp_path / "tokens.png")
        await page.ask(
            "void jupyterapp.commands.execute('docmanager:open', { path: 'untrusted.ipynb' })"
        )
        cells = "[...document.querySelectorAll('.jp-RenderedHTMLCommon tbody td')]"
        shown = f"{cells}.map(cell => [cell.innerText, getComputedStyle(cell).textAlign])"
        await page.wait(f"{cells}.length")
        assert await page.ask(shown) == cells_of(ledger)
        assert (page.failed, page.complaints) == ([], [])
        hosts = {url.split("/")[2] for url in page.requests if url.startswith("http")}
        assert hosts == {address.split("/")[2]}

    async def go() -> None:
        async with jupyterlab(folder, home) as address, chromium(tmp_path / "profile") as page:
            await visit(page, address)

    asyncio.run(go())
    kept = json.loads((folder / "01_step_through_k_hop.ipynb").read_text())
    assert "widgets" not in kept["metadata"]


# --- canaries that need no browser ---


def test_canary_overlapping_and_beyond() -> None:
    first, beside, across = (
        ("a", 0.0, 0.0, 9.0, 9.0),
        ("b", 9.0, 0.0, 20.0, 9.0),
        ("c", 5.0, 5.0, 12.0, 7.0),
    )
    assert overlapping([first, beside]) == []
    assert overlapping([first, beside, across]) == ["a and c", "b and c"]
    assert beyond([first, beside], 20) == []
    assert beyond([first, beside, ("d", -4.0, 0.0, 3.0, 1.0)], 15) == ["b", "d"]
