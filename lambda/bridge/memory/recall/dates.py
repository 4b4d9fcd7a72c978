"""When something happened, as terms that messages and questions share.

"2023-05-08" is a day, "2023-05" a month, "2023" a year, "-05" a month and "-05-08" a day of any year. A
message's "yesterday" or "last week" is resolved once, against the day on which it was said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NUMBER = {name[:n]: i for i, name in enumerate(MONTHS, 1) for n in (3, len(name))} | {"sept": 9}
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_COUNTS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "couple": 2,
    "three": 3,
    "few": 3,
    "four": 4,
    "five": 5,
    "six": 6,
}

_MONTH = "|".join(sorted(_NUMBER, key=len, reverse=True))
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_ABSOLUTE = tuple(
    re.compile(pattern, re.IGNORECASE | re.ASCII)
    for pattern in (
        rf"\b{_YEAR}-(?P<number>\d\d)(?:-(?P<day>\d\d))?\b",
        rf"\b{_DAY}\s+(?:of\s+)?(?P<month>{_MONTH})\b\.?(?:,?\s+{_YEAR})?",
        rf"\b(?P<month>{_MONTH})\b\.?(?:\s+{_DAY}\b)?(?:,?\s+(?:of\s+)?{_YEAR})?",
        rf"\b(?:in|since|during|of|by|until|before|after)\s+{_YEAR}\b",
    )
)
_RELATIVE = re.compile(
    r"\b(?:(?P<word>yesterday|today|tonight|tomorrow|this morning|last night)"
    r"|(?P<which>last|this|next|past|coming)\s+(?P<unit>week|weekend|month|year|"
    + "|".join((*_WEEKDAYS, *MONTHS))
    + r")|(?P<count>\d{1,3}|a|an|one|two|three|four|five|six|few|couple)(?:\s+of)?"
    r"\s+(?P<units>day|week|month|year)s?\s+(?P<way>ago|back|from now))\b",
    re.IGNORECASE | re.ASCII,
)
_WORDS = {"yesterday": -1, "last night": -1, "tomorrow": 1}
_DAYS = {"day": 1, "week": 7}

_TIMELY = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|ago|recently|soon|since|(?:last|this|next|past|previous) \w+"
    rf"|(?:19|20)\d\d|(?:{'|'.join(_WEEKDAYS)})s?|(?:in|on|of|by) (?:{_MONTH})|\d+(?:st|nd|rd|th))\b",
    re.IGNORECASE,
)


def tells_time(text: str) -> bool:
    """Say whether ``text`` has words that place something in time."""
    return _TIMELY.search(text) is not None


def mentioned(text: str, said: date) -> set[str]:
    """Return all dates in ``text``, absolute or relative to the day on which it was said.

    Of "8 May 2023" it is the day alone: what that implies is told by ``implied``.
    """
    found = set(_absolute(text))
    for match in _RELATIVE.finditer(text):
        found |= set(_relative(match, said))
    return found.difference(*(implied(each) - {each} for each in found))


@lru_cache(maxsize=4096)
def implied(term: str) -> frozenset[str]:
    """Return the terms of a date: itself, and what is less exact: its month, its year, the month of any."""
    year, month, day = term[:4] if term[0] != "-" else "", *_rest(term)
    terms = {term, year, month, month + day}
    if year and month:
        terms.add(year + month)
    return frozenset(terms - {""})


@lru_cache(maxsize=4096)
def of(day: int) -> frozenset[str]:
    """Return the terms of a day, which is told by its number as `date.toordinal` has it."""
    return implied(date.fromordinal(day).isoformat())


def _rest(term: str) -> tuple[str, str]:
    rest = term if term[0] == "-" else term[4:]
    return rest[:3], rest[3:]


def _absolute(text: str) -> Iterator[str]:
    for pattern in _ABSOLUTE:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            name, year, day = parts.get("month"), parts.get("year"), parts.get("day")
            if name == "may" and not (year or day) and not _after_preposition(text, match.start()):
                continue  # the verb
            number = _NUMBER[name.lower()] if name else int(parts.get("number") or 0)
            yield from _terms(int(year or 0), number, int(day or 0))


def _after_preposition(text: str, at: int) -> bool:
    return text[:at].rstrip().lower().endswith((" in", " last", " this", " since", " of", " early", " late"))


def _terms(year: int, month: int, day: int) -> Iterator[str]:
    if year < 0:
        return
    term = f"{year:04}" if year else ""
    if 1 <= month <= len(MONTHS):
        term += f"-{month:02}" + (f"-{day:02}" if day else "")
    if term:
        yield term


def _relative(match: re.Match[str], said: date) -> Iterator[str]:
    try:
        if word := match["word"]:
            yield _iso(said + timedelta(days=_WORDS.get(word.lower(), 0)))
        elif which := match["which"]:
            yield from _named(which.lower(), match["unit"].lower(), said)
        else:
            count = _COUNTS.get(match["count"].lower()) or int(match["count"])
            count = count if match["way"].lower() == "from now" else -count
            yield from _away(count, match["units"].lower(), said)
    except (OverflowError, ValueError):
        return  # before the first or after the last year that there is


def _iso(day: date) -> str:
    return day.isoformat()


def _named(which: str, unit: str, said: date) -> Iterator[str]:
    step = {"last": -1, "past": -1, "this": 0}.get(which, 1)
    if unit in _WEEKDAYS:
        days = (_WEEKDAYS.index(unit) - said.weekday()) % 7
        yield _iso(said + timedelta(days=days - 7 if step < 0 else days or 7))
    elif unit in MONTHS:
        number = MONTHS.index(unit) + 1
        year = said.year - (step < 0 and number >= said.month) + (step > 0 and number <= said.month)
        yield from _terms(year, number, 0)
    elif unit == "weekend":
        yield _iso(said + timedelta(days=5 - said.weekday() + (7 * step if step else 0)))
    else:
        yield from _away(step, unit, said)


def _away(count: int, unit: str, said: date) -> Iterator[str]:
    if unit == "year":
        yield from _terms(said.year + count, 0, 0)
    elif unit == "month":
        months = said.year * 12 + said.month - 1 + count
        yield from _terms(months // 12, months % 12 + 1, 0)
    else:
        day = said + timedelta(days=count * _DAYS[unit])
        # A week ago is no day: its month is what can be known.
        yield from [_iso(day)] if unit == "day" else _terms(day.year, day.month, 0)
