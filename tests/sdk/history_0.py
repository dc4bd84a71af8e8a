"""Retained events and quantities, read with Polar's Python SDK 0.32, which checks every field.

Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else names
the first that was not.
"""

import os
import sys
from datetime import datetime, timedelta, timezone

from polar_sdk import Polar, models

URL, TOKEN = os.environ["URL"], os.environ["TOKEN"]
START = datetime(2026, 6, 1, tzinfo=timezone.utc)


def check(what, found, expected):
    if found != expected:
        sys.exit(f"history 0: {what}: {found!r} instead of {expected!r}")


def event(name, customer, hour, metadata):
    return {
        "name": name,
        "external_customer_id": customer,
        "timestamp": START + timedelta(hours=hour),
        "metadata": metadata,
    }


with Polar(access_token=TOKEN, server_url=URL) as polar:
    sent = [
        event("call", "ada", 8, {"n": 5, "model": "large"}),
        event("call", "bob", 9, {"n": 2.5}),
        event("page", "ada", 7, {"_cost": {"amount": 12.5, "currency": "usd"}}),
    ]
    check("ingest", polar.events.ingest(request={"events": sent}).inserted, 3)

    listed = polar.events.list()
    check("count", (listed.pagination.total_count, listed.pagination.max_page), (3, 1))
    lines = [(item.name, item.external_customer_id) for item in listed.items]
    check("newest first", lines, [("call", "bob"), ("call", "ada"), ("page", "ada")])
    page = listed.items[2]
    check("one", polar.events.get(id=page.id), page)
    ada = polar.events.list(external_customer_id="ada", limit=1)
    check("customer", (len(ada.items), ada.pagination.total_count), (1, 2))
    since = polar.events.list(start_timestamp=START + timedelta(hours=8))
    check("since", since.pagination.total_count, 2)
    large = polar.events.list(metadata={"model": "large"})
    check("metadata", [item.name for item in large.items], ["call"])
    try:
        sys.exit(f"history 0: {polar.events.get(id='5041180b-748b-4ea6-afce-2e30ea5be902')!r}")
    except models.ResourceNotFound:
        pass

    names = polar.events.list_names(sorting=["name"]).result.items
    check("names", [(name.name, name.occurrences) for name in names], [("call", 2), ("page", 1)])

    clause = {"property": "name", "operator": "eq", "value": "call"}
    calls = polar.meters.create(
        request={
            "name": "Calls",
            "filter": {"conjunction": "and", "clauses": [clause]},
            "aggregation": {"func": "sum", "property": "n"},
        }
    )
    measured = polar.meters.quantities(
        id=calls.id,
        start_timestamp=START,
        end_timestamp=START + timedelta(hours=47),
        interval=models.TimeInterval.DAY,
    )
    check("quantities", [each.quantity for each in measured.quantities], [7.5, 0.0])
    check("total", measured.total, 7.5)
