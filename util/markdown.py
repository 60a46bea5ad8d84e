"""Tables in markdown."""

from collections.abc import Iterable


def as_row(cells: Iterable[str]) -> str:
    """Return one line of a table."""
    return f"| {' | '.join(cells)} |"


def as_table(titles: Iterable[str], rows: Iterable[Iterable[str]] = ()) -> str:
    """Return rows of cells below the titles of the columns."""
    titles = list(titles)
    return "\n".join(map(as_row, [titles, ["---"] * len(titles), *rows]))


def table_of(columns: dict[str, str], records: Iterable[dict]) -> str:
    """Return a table; columns are titles and templates such as `{hours:.3g}`, which is empty if hours is None."""
    return as_table(columns, ([_fill(template, record) for template in columns.values()] for record in records))


def _fill(template: str, record: dict) -> str:
    try:
        return template.format(**record)
    except TypeError:  # None has no format
        return ""
