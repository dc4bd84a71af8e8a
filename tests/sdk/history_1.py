"""Retained events and quantities, read with Polar's Python SDK 1.x, the newest line.

Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else names
the first that was not.
"""

import os
import sys

from polar.v2026_10 import Polar
from polar.v2026_10.errors import ResourceNotFound

URL, TOKEN = os.environ["URL"], os.environ["TOKEN"]


def check(what, found, expected):
    if found != expected:
        sys.exit(f"history 1: {what}: {found!r} instead of {expected!r}")


def event(name, customer, hour, metadata):
    return {
        "name": name,
        "external_customer_id": customer,
        "timestamp": f"2026-06-01T{hour:02}:00:00Z",
        "metadata": metadata,
    }


cost = {"_cost": {"amount": 12.5, "currency": "usd"}}
llm = {"_llm": {"vendor": "v", "model": "m", "input_tokens": 1, "output_tokens": 2, "total_tokens": 3}}
with Polar(TOKEN, base_url=URL) as polar:
    sent = [
        event("call", "ada", 8, {"n": 5, "model": "large"}),
        event("call", "bob", 9, {"n": 2.5}),
        event("page", "ada", 7, cost | llm),
    ]
    check("ingest", polar.events.ingest(events=sent).inserted, 3)

    listed = polar.events.list()
    check("count", (listed.pagination.total_count, listed.pagination.max_page), (3, 1))
    lines = [(item.name, item.external_customer_id, item.source) for item in listed.items]
    check("newest first", lines, [("call", "bob", "user"), ("call", "ada", "user"), ("page", "ada", "user")])
    page = listed.items[2]
    check("cost", page.metadata["_cost"].amount if hasattr(page.metadata["_cost"], "amount") else page.metadata["_cost"]["amount"], "12.5")
    check("one", polar.events.get(page.id), page)
    ada = listed.items[1].customer_id
    check("customer", polar.events.list(customer_id=ada).pagination.total_count, 2)
    check("both ids", polar.events.list(external_customer_id=["ada", "bob"]).pagination.total_count, 3)
    check("name", [item.id for item in polar.events.list(name="page").items], [page.id])
    check("metadata", polar.events.list(metadata={"model": "large"}).pagination.total_count, 1)
    oldest = polar.events.list(sorting=["timestamp"], limit=1)
    check("sorting", (oldest.items[0].id, oldest.pagination.max_page), (page.id, 3))
    since = polar.events.list(start_timestamp="2026-06-01T08:00:00+00:00")
    check("since", since.pagination.total_count, 2)
    check("system", polar.events.list(source="system").items, [])
    try:
        sys.exit(f"history 1: {polar.events.get('5041180b-748b-4ea6-afce-2e30ea5be902')!r}")
    except ResourceNotFound:
        pass

    names = polar.events.list_names(sorting=["name"]).items
    check("names", [(name.name, name.occurrences) for name in names], [("call", 2), ("page", 1)])

    calls = polar.meters.create(
        name="Calls",
        filter={
            "conjunction": "and",
            "clauses": [{"property": "name", "operator": "eq", "value": "call"}],
        },
        aggregation={"func": "sum", "property": "n"},
    )
    check("meter", polar.events.list(meter_id=calls.id).pagination.total_count, 2)
    measured = polar.meters.quantities(
        calls.id,
        start_timestamp="2026-06-01T07:30:00Z",
        end_timestamp="2026-06-01T09:30:00Z",
        interval="hour",
    )
    check("quantities", [each.quantity for each in measured.quantities], [5.0, 2.5, 0.0])
    check("total", measured.total, 7.5)
