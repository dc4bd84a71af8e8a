"""A session of Polar's Python SDK 1.x, the newest line, with a running server.

Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else names
the first that was not.
"""

import os
import sys

from polar.base import PolarClientError
from polar.v2026_10 import Polar
from polar.v2026_10.errors import HTTPValidationError, ResourceNotFound

URL, TOKEN = os.environ["URL"], os.environ["TOKEN"]


def check(what, found, expected):
    if found != expected:
        sys.exit(f"polar 1: {what}: {found!r} instead of {expected!r}")


def raises(kind, work):
    try:
        found = work()
    except kind as error:
        return error
    sys.exit(f"polar 1: {found!r} instead of {kind.__name__}")


named = {"property": "name", "operator": "eq", "value": "call"}
large = {"property": "metadata.model", "operator": "eq", "value": "large"}

with Polar(TOKEN, base_url=URL) as polar:
    # Meters.
    tokens = polar.meters.create(
        name="Tokens",
        filter={"conjunction": "and", "clauses": [named, {"conjunction": "or", "clauses": [large]}]},
        aggregation={"func": "sum", "property": "tokens"},
        metadata={"tier": "gold", "n": 3, "flag": True},
    )
    check("its filter", tokens.filter.clauses[0].value, "call")
    check("its metadata", tokens.metadata, {"tier": "gold", "n": 3, "flag": True})
    calls = polar.meters.create(
        name="Calls",
        filter={"conjunction": "and", "clauses": [named]},
        aggregation={"func": "count"},
        unit="custom",
        custom_label="call",
        custom_multiplier=1000,
    )
    check("its unit", (calls.unit, calls.custom_label, calls.custom_multiplier), ("custom", "call", 1000))
    listed = polar.meters.list(sorting=["-name"])
    check("meters", [meter.name for meter in listed.items], ["Tokens", "Calls"])
    check("how many", (listed.pagination.total_count, listed.pagination.max_page), (2, 1))
    check("by metadata", len(polar.meters.list(metadata={"tier": "gold"}).items), 1)
    check("by name", [meter.id for meter in polar.meters.list(query="tok").items], [tokens.id])
    renamed = polar.meters.update(calls.id, name="All calls", metadata={"a": "b"})
    check("a new name", (renamed.name, renamed.modified_at is None), ("All calls", False))
    check("the meter", polar.meters.get(calls.id).name, "All calls")
    error = raises(HTTPValidationError, lambda: polar.meters.create(name="No"))
    check("rules", error.status_code, 422)

    # Events.
    def event(key, units, customer="ada", **more):
        return {
            "name": "call",
            "external_customer_id": customer,
            "external_id": key,
            "metadata": {"tokens": units, "model": "large"},
        } | more

    events = [event("e1", 10), event("e2", 2.5), event("e1", 10)]
    counted = polar.events.ingest(events=events)
    check("counted", (counted.inserted, counted.duplicates), (2, 1))
    error = raises(HTTPValidationError, lambda: polar.events.ingest(events=[{"name": "call"}]))
    check("where", error.error.detail[0].loc, ["body", "events", 0, "external_customer_id"])
    polar.events.ingest(events=[event(f"m{number}", 1, f"many-{number}") for number in range(25)])

    # Where customers stand.
    found = polar.customer_meters.list(external_customer_id="ada", sorting=["meter_name"])
    standings = [(line.meter.name, line.consumed_units, line.credited_units, line.balance) for line in found.items]
    check("standings", standings, [("All calls", 2.0, 0, -2.0), ("Tokens", 12.5, 0, -12.5)])
    line = found.items[1]
    check("the customer", (line.customer.external_id, line.customer_id), ("ada", line.customer.id))
    check("one of them", polar.customer_meters.get(line.id).balance, -12.5)
    everybody = polar.customer_meters.list(meter_id=tokens.id, sorting=["balance"], limit=10, page=3)
    check("the last page", len(everybody.items), 6)
    check("all of them", everybody.pagination.total_count, 26)
    check("through pages", len(list(polar.customer_meters.iter_list(limit=20))), 52)
    nobody = "5041180b-748b-4ea6-afce-2e30ea5be902"
    raises(ResourceNotFound, lambda: polar.customer_meters.get(nobody))

    # Customers.
    state = polar.customers.get_state_external("ada")
    check("a state", (state.id, state.external_id), (line.customer_id, "ada"))
    check("its meters", sorted(meter.balance for meter in state.active_meters), [-12.5, -2.0])
    check("by id", polar.customers.get_state(state.id).active_meters, state.active_meters)
    raises(ResourceNotFound, lambda: polar.customers.get_state_external("nobody"))
    counted = polar.events.ingest(events=[{"name": "call", "customer_id": state.id}])
    check("by id", counted.inserted, 1)

    # A meter that is archived is put away until it is asked for.
    check("archived", polar.meters.update(calls.id, is_archived=True).archived_at is None, False)
    check("not listed", len(polar.customer_meters.list(external_customer_id="ada").items), 1)
    check("asked for", polar.customer_meters.list(meter_id=calls.id).pagination.total_count, 26)
    check("archived ones", [meter.id for meter in polar.meters.list(is_archived=True).items], [calls.id])
    check("again in use", polar.meters.update(calls.id, is_archived=False).archived_at, None)

    # Benefits and products.
    credit = {"units": 100, "rollover": True, "meter_id": tokens.id}
    benefit = polar.benefits.create(
        type="meter_credit", description="A hundred tokens", properties=credit
    )
    check("a benefit", (benefit.properties.units, benefit.properties.rollover), (100, True))
    patch = {"type": "meter_credit", "properties": credit | {"units": 50}}
    check("its units", polar.benefits.update(benefit.id, **patch).properties.units, 50)
    check("benefits", [one.id for one in polar.benefits.list(query="hundred").items], [benefit.id])
    check("the benefit", polar.benefits.get(benefit.id).description, "A hundred tokens")
    metered = {
        "amount_type": "metered_unit",
        "meter_id": tokens.id,
        "unit_amount": "0.000000000125",
        "cap_amount": 5000,
    }
    product = polar.products.create(
        name="Pro",
        recurring_interval="month",
        prices=[{"amount_type": "fixed", "price_amount": 0}, metered],
        metadata={"plan": "pro"},
    )
    check("its price", product.prices[1].unit_amount, "0.000000000125")
    check("its meter", product.prices[1].meter.name, "Tokens")
    carrying = polar.products.update_benefits(product.id, benefits=[benefit.id])
    check("it carries", [one.id for one in carrying.benefits], [benefit.id])
    kept = [{"id": product.prices[0].id}]
    renamed = polar.products.update(product.id, name="Pro 2", prices=kept)
    check("prices", [price.id for price in renamed.prices], [product.prices[0].id])
    pack = polar.products.create(
        name="Pack", prices=[{"amount_type": "fixed", "price_amount": 1500}]
    )
    check("once", (pack.is_recurring, pack.prices[0].price_amount), (False, 1500))
    dear = polar.products.list(sorting=["-price_amount"])
    check("products", [one.name for one in dear.items], ["Pack", "Pro 2"])
    check("recurring", len(polar.products.list(is_recurring=True, benefit_id=benefit.id).items), 1)
    check("put away", polar.products.update(pack.id, is_archived=True).is_archived, True)
    check("the product", polar.products.get(pack.id).is_archived, True)
    polar.benefits.delete(benefit.id)
    raises(ResourceNotFound, lambda: polar.benefits.get(benefit.id))
    check("it carries", polar.products.get(product.id).benefits, [])

with Polar("guess", base_url=URL) as stranger:
    check("a stranger", raises(PolarClientError, lambda: stranger.meters.list()).status_code, 401)
