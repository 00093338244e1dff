"""What all protocol files have: ids, sources with their citations, gaps."""

from __future__ import annotations

import re

from rtplan.protocol.model import Citation, Evidence, Gap, Source
from rtplan.protocol.toml_table import Table, unique

ID = re.compile(r"[a-z0-9][a-z0-9.\-]*")


def read_sources(root: Table) -> dict[str, Source]:
    """The sources of a file by id; at least one."""
    tables = root.tables("source")
    if not tables:
        root.fail("source", "is missing; every protocol names its sources in [[source]]")
    sources: dict[str, Source] = {}
    for table in tables:
        source = Source(
            id=read_id(table),
            text=table.need("text"),
            doi=table.text("doi"),
            pmid=table.text("pmid"),
            url=table.text("url"),
        )
        if not (source.doi or source.pmid or source.url):
            table.fail("doi", "is missing; give a doi, a pmid or a url")
        if source.doi and not re.fullmatch(r"10\.\d{4,9}/\S+", source.doi):
            table.fail("doi", f'"{source.doi}" is not a DOI; write it as 10.1016/...')
        if source.id in sources:
            table.fail("id", f'"{source.id}" is used twice; give each its own')
        table.done()
        sources[source.id] = source
    return sources


def read_citation(table: Table, sources: dict[str, Source]) -> Citation:
    """Evidence, source and place of one entry."""
    evidence = table.member("evidence", Evidence)
    source = table.choice("source", sources, required=True) or ""
    return Citation(evidence, sources[source], table.text("place"))


def read_gaps(root: Table) -> tuple[Gap, ...]:
    """What the file says could not be confirmed."""
    tables = root.tables("gap")
    gaps = tuple(Gap(read_id(table), table.need("text")) for table in tables)
    for table in tables:
        table.done()
    check_ids(root, "gap")
    return gaps


def read_id(table: Table) -> str:
    """The id of a file or an entry."""
    name = table.need("id")
    if not ID.fullmatch(name):
        table.fail("id", f'"{name}": write small letters, digits, "-" and "."')
    return name


def check_ids(root: Table, key: str) -> None:
    """Raise ProtocolError where two entries of a list have one id."""
    tables = root.tables(key)
    list(unique((table, table.need("id")) for table in tables))
