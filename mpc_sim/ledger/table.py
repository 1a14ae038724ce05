"""Tables of a ledger: text of 80 columns, and HTML that needs no style sheet and no script."""

from __future__ import annotations

from html import escape

from mpc_sim.ledger.loads import RoundLoads
from mpc_sim.ledger.run_loads import RunLoads

HEADINGS = ("round", "step", "max sent", "received", "held", "held/s", "messages")
STEP_WIDTH = 27

Row = tuple[object, ...]


def text_table(ledger: RunLoads) -> str:
    """Return the ledger as text: one line per round, and the counters below."""
    rows = [HEADINGS, *ledger_rows(ledger)]
    lines = [_facts(ledger), *(text_row(*row) for row in rows), _counters(ledger)]
    return "\n".join(lines + _warnings(ledger))


def step_table(ledger: RunLoads, depth: int) -> str:
    """Return the steps of a ledger as text; rounds are deliveries."""
    s = ledger.cluster.memory_words
    lines = [_step_row("step", "rounds", *HEADINGS[2:])]
    for step in ledger.steps(depth):
        held = step.max_held_words
        loads = (step.max_sent_words, step.max_received_words, held, f"{held / s:.2f}")
        lines.append(_step_row(step.label, step.n_rounds, *loads, step.n_messages))
    return "\n".join(lines)


def html_table(ledger: RunLoads) -> str:
    """Return the ledger as HTML: one table, inline styles, numbers that read without them."""
    body = "".join(_html_row(row, "td") for row in ledger_rows(ledger))
    foot = "<br>".join(escape(line) for line in [_counters(ledger), *_warnings(ledger)])
    return (
        '<table style="border-collapse: collapse">'
        f'<caption style="text-align: left">{escape(_facts(ledger))}</caption>'
        f"<thead>{_html_row(HEADINGS, 'th')}</thead><tbody>{body}</tbody>"
        f'<tfoot><tr><td style="text-align: left" colspan="{len(HEADINGS)}">{foot}</td></tr>'
        "</tfoot></table>"
    )


def text_row(number: object, step: object, *cells: object) -> str:
    """Lay a line of the table of rounds out in 80 columns; of a long step the end is shown."""
    return f"{number!s:>5}  {_shortened(step):<{STEP_WIDTH + 1}}{_cells(cells)}".rstrip()


def round_row(number: object, row: RoundLoads, memory_words: int) -> Row:
    """Return the cells of a round, in the order of ``HEADINGS``."""
    step = row.label + (f" ({row.n_deliveries} deliveries)" if row.n_deliveries > 1 else "")
    share = f"{row.max_held_words / memory_words:.2f}"
    loads = (row.max_sent_words, row.max_received_words, row.max_held_words)
    return (number, step, *loads, share, row.n_messages)


def ledger_rows(ledger: RunLoads) -> list[Row]:
    """Return the cells of the input and of every round, in the order of ``HEADINGS``."""
    s = ledger.cluster.memory_words
    held = int(ledger.input_held.max())
    rows = [round_row(number, row, s) for number, row in enumerate(ledger.rounds)]
    return [("input", "", "", "", held, f"{held / s:.2f}", ""), *rows]


def facts(ledger: RunLoads) -> tuple[str, ...]:
    """Return what stands above and below the table: the cluster, the counters, warnings."""
    return (_facts(ledger), _counters(ledger), *_warnings(ledger))


def _facts(ledger: RunLoads) -> str:
    cluster = ledger.cluster
    return (
        f"N = {cluster.n_words} words, P = {cluster.n_machines} machines, "
        f"s = {cluster.memory_words} words, {cluster.word_bits} bits per word"
    )


def _counters(ledger: RunLoads) -> str:
    return (
        f"deliveries {ledger.n_rounds}, protocol rounds {ledger.n_protocol_rounds}, "
        f"logical rounds {ledger.n_logical_rounds}; words moved {ledger.total_words}"
    )


def _warnings(ledger: RunLoads) -> list[str]:
    if ledger.cluster.is_scarce:
        return []
    return ["s >= N: one machine could hold the whole input; this shows nothing"]


def _step_row(step: object, rounds: object, *cells: object) -> str:
    return f"{_shortened(step):<{STEP_WIDTH + 1}}{rounds!s:>7}{_cells(cells)}"


def _cells(cells: Row) -> str:
    sent, received, held, share, messages = cells
    return f"{sent!s:>9}{received!s:>9}{held!s:>9}{share!s:>7}{messages!s:>11}"


def _shortened(step: object) -> str:
    text = str(step)
    return text if len(text) <= STEP_WIDTH else "..." + text[3 - STEP_WIDTH :]


def _html_row(row: Row, tag: str) -> str:
    cells = []
    for column, value in enumerate(row):
        side = "left" if column == 1 else "right"
        cells.append(
            f'<{tag} style="text-align: {side}; padding: 2px 8px">{escape(str(value))}</{tag}>'
        )
    return f"<tr>{''.join(cells)}</tr>"
