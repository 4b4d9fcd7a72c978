"""What AWS costs: per 1,000 turns from counted calls and units, and at rest from the environments' templates.

    python -m bench.aws_cost [--at-rest] [--write] [--json FILE]

A turn is counted in a local AWS of its own, brought up for it and removed again; `--at-rest` leaves that
out. `--write` puts the tables into docs/cost.md, between their markers.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.at_rest import at_rest, per_gigabyte, runs_elsewhere
from bench.consumption import measure
from bench.deployment import deployed
from bench.environments import ROOT, names, template_of
from bench.prices import HOURS_A_MONTH, PRICES, cost
from bench.standin import STEADY

PAGE = ROOT / "docs" / "cost.md"

ORIGINALS_MONTH = 15
"""Dollars a month that the project which this one takes after reckons with."""

TURNS = 1_000
TURNS_A_CONNECTION = 10
MINUTES_A_TURN = 1
TURNS_AN_HOUR = 10
"""How people talk, where it cannot be counted: docs/cost.md says so, too."""

_SECRETS_A_CONNECTION = 3  # connect's, answer's and remember's; each keeps what it read for five minutes


def main() -> None:
    """Measure, print, write."""
    options = _options()
    templates = {name: template_of(name) for name in names()}
    templates = {name: template for name, template in templates.items() if not runs_elsewhere(template)}
    blocks = {"at-rest": rest_table(templates), "prices": price_table()}
    result: dict[str, Any] = {
        "at_rest": {name: [asdict(line) for line in at_rest(it)] for name, it in templates.items()}
    }
    if not options.at_rest:
        with deployed(STEADY) as (_, status):
            used = measure(status)
        template = next(iter(templates.values()))  # all have the same functions
        rows = {kind: turn_rows(used, kind, template) for kind in ("instant", "streaming")}
        blocks["turns"] = turn_table(rows)
        blocks["month"] = month_table(templates, rows, used["metrics"])
        result |= {"used": used, "per_1000_turns": rows}
    print(*(f"\n{block}" for block in blocks.values()), sep="\n")
    if options.write:
        PAGE.write_text(filled(PAGE.read_text(), blocks))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def _options() -> argparse.Namespace:
    summary = str(__doc__).partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m bench.aws_cost", description=summary)
    parser.add_argument("--at-rest", action="store_true", help="from the templates alone: deploy nothing")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/cost.md")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def filled(page: str, blocks: Mapping[str, str]) -> str:
    """Return a page with blocks put between their markers; raises ValueError where a marker is missing."""
    for name, block in blocks.items():
        marked = re.compile(rf"(<!-- {name}:[^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
        places = list(marked.finditer(page))
        if len(places) != 1:
            raise ValueError(f"the page has {len(places)} places for {name}, not one")
        begin, end = places[0].span()
        page = f"{page[:begin]}{places[0][1]}{block}\n{places[0][2]}{page[end:]}"
    return page


def rest_table(templates: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what each environment costs a month while nobody talks, as a table."""
    lines = {name: {line.what: line for line in at_rest(it)} for name, it in templates.items()}
    rows = []
    for what in dict.fromkeys(what for named in lines.values() for what in named):
        row = [named.get(what) for named in lines.values()]
        rows.append([what, *(f"{line.count}: ${line.dollars:.2f}" if line else "" for line in row)])
    for title, field in (("**together**", "dollars"), ("in an account with nothing else in it", "alone")):
        sums = [sum(getattr(line, field) for line in named.values()) for named in lines.values()]
        rows.append([title, *(f"**${dollars:.2f}**" for dollars in sums)])
    rows.append(["each GB that is stored", *(f"${per_gigabyte(it):.2f}" for it in templates.values())])
    return _table(["", *templates], rows)


def price_table() -> str:
    """Return the prices that all is reckoned with, as a table."""
    rows = [
        [f"{name}, per {price.unit}", price.each(), f"[{price.page}](https://{price.page})", price.confirmed]
        for name, price in PRICES.items()
    ]
    return _table(["", "price", "AWS's page", "quoted the same by"], rows)


def turn_rows(used: Mapping[str, Any], kind: str, template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what 1,000 turns of a kind take: of each item its service, price, units and dollars."""
    turn, connection = used[kind], used["connection"]
    metrics = len(used["metrics"])

    def both(name: str) -> float:
        return float(turn[name] + connection[name] / TURNS_A_CONNECTION) * TURNS

    seconds = dict(turn["seconds"])
    for name, taken in connection["seconds"].items():
        seconds[name] = taken / TURNS_A_CONNECTION
    sizes, architecture = _functions(template)
    gigabyte_seconds = sum(taken * sizes[name] / 1024 for name, taken in seconds.items()) * TURNS
    hours = TURNS / TURNS_AN_HOUR
    items = [
        ("Lambda", f"lambda {architecture}", gigabyte_seconds),
        ("Lambda", "lambda request", both("invocations")),
        ("API Gateway", "gateway message", both("messages")),
        ("API Gateway", "gateway minute", TURNS * MINUTES_A_TURN),
        ("Data transfer", "transfer out", both("bytes_out") / 1e9),
        ("DynamoDB", "dynamodb write", both("write_units")),
        ("DynamoDB", "dynamodb read", both("read_units")),
        ("SQS", "sqs fifo", both("sqs_requests")),
        ("Secrets Manager", "secret call", TURNS / TURNS_A_CONNECTION * _SECRETS_A_CONNECTION),
        ("CloudWatch", "logs", both("logged") / 1e9),
        ("CloudWatch", "metric", metrics * hours / HOURS_A_MONTH),
    ]
    return [
        {"service": service, "price": price, "units": units, "dollars": cost(price, units)}
        for service, price, units in items
    ]


def _functions(template: Mapping[str, Any]) -> tuple[dict[str, int], str]:
    """Return each function's memory in MB, and what they run on."""
    resources = template["Resources"].values()
    found = [it["Properties"] for it in resources if it["Type"] == "AWS::Lambda::Function"]
    sizes = {it["Handler"].split(".")[-2]: int(it["MemorySize"]) for it in found}
    return sizes, found[0]["Architectures"][0]


def _measured(template: Mapping[str, Any]) -> bool:
    """Tell whether an environment's functions put out metrics."""
    resources = template["Resources"].values()
    return not any(
        "POWERTOOLS_METRICS_DISABLED" in it["Properties"]["Environment"]["Variables"]
        for it in resources
        if it["Type"] == "AWS::Lambda::Function"
    )


def turn_table(rows: Mapping[str, list[dict[str, Any]]]) -> str:
    """Return what 1,000 turns take, as a table."""
    table = []
    for instant, streaming in zip(rows["instant"], rows["streaming"], strict=True):
        price = PRICES[instant["price"]]
        units = [_short(row["units"]) for row in (instant, streaming)]
        dollars = [f"${row['dollars']:.4f}" for row in (instant, streaming)]
        table.append([f"{instant['service']}: {price.unit}", price.each(), *units, *dollars])
    head = ["", "price", "at once", "streamed", "at once", "streamed"]
    table.insert(-1, ["**but for metrics**", "", "", "", *_sums(rows, without="metric")])
    table.append(["**together**", "", "", "", *_sums(rows)])
    return _table(head, table)


def month_table(
    templates: Mapping[str, Mapping[str, Any]], rows: Mapping[str, list[dict[str, Any]]], metrics: list[str]
) -> str:
    """Return what a month's dollars of the original's leave for turns in each environment, as a table."""
    turn = sum(row["dollars"] for row in rows["streaming"] if row["price"] != "metric") / TURNS
    table = []
    for name, template in templates.items():
        rest = sum(line.dollars for line in at_rest(template))
        watched = cost("metric", len(metrics)) if _measured(template) else 0.0
        left = ORIGINALS_MONTH - rest - watched
        remains = [f"${left:.2f}", f"{round(left / turn, -3):,.0f}"] if left > 0 else ["nothing", "none"]
        table.append([name, f"${rest:.2f}", f"${watched:.2f}", *remains])
    head = ["", "at rest", f"{len(metrics)} metrics", f"left of ${ORIGINALS_MONTH}", "streamed turns for it"]
    return _table(head, table)


def _sums(rows: Mapping[str, list[dict[str, Any]]], without: str = "") -> list[str]:
    counted = ([row["dollars"] for row in rows[kind] if row["price"] != without] for kind in rows)
    return [f"**${sum(dollars):.3f}**" for dollars in counted]


def _short(units: float) -> str:
    return f"{units:,.0f}" if units >= 10 else f"{units:.2g}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
