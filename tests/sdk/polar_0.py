"""A session of Polar's Python SDK 0.32, which checks every field, with a running server.

Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else names
the first that was not.
"""

import os
import sys

from polar_sdk import Polar, models
from polar_sdk.ingestion import Ingestion

URL, TOKEN = os.environ["URL"], os.environ["TOKEN"]


def check(what, found, expected):
    if found != expected:
        sys.exit(f"polar 0: {what}: {found!r} instead of {expected!r}")


def raises(kind, work):
    try:
        found = work()
    except kind as error:
        return error
    sys.exit(f"polar 0: {found!r} instead of {kind.__name__}")


clause = {"property": "name", "operator": "eq", "value": "call"}
by_name = {"conjunction": "and", "clauses": [clause]}

with Polar(access_token=TOKEN, server_url=URL) as polar:
    tokens = polar.meters.create(
        request={
            "name": "Tokens",
            "filter_": by_name,
            "aggregation": {"func": "sum", "property": "tokens"},
            "metadata": {"tier": "gold"},
        }
    )
    check("a meter", (tokens.name, tokens.metadata), ("Tokens", {"tier": "gold"}))
    check("meters", [meter.id for meter in polar.meters.list().result.items], [tokens.id])
    check("the meter", polar.meters.get(id=tokens.id), tokens)
    update = {"name": "All tokens", "is_archived": False}
    check("a name", polar.meters.update(id=tokens.id, meter_update=update).name, "All tokens")

    event = {
        "name": "call",
        "external_customer_id": "ada",
        "external_id": "e1",
        "metadata": {"tokens": 115},
    }
    counted = polar.events.ingest(request={"events": [event, event]})
    check("counted", (counted.inserted, counted.duplicates), (1, 1))
    wrong = event | {"metadata": {"tokens": ""}}
    error = raises(
        models.HTTPValidationError, lambda: polar.events.ingest(request={"events": [wrong]})
    )
    check("where", error.data.detail[0].loc, ["body", "events", 0, "metadata", "tokens"])

    # What collects events in the background, fifty a request.
    ingestion = Ingestion(TOKEN, server_url=URL)
    for number in range(120):
        ingestion.ingest(event | {"external_id": f"n{number}", "metadata": {"tokens": 0.5}})
    ingestion.close()

    lines = polar.customer_meters.list(external_customer_id="ada").result.items
    standings = [(line.consumed_units, line.credited_units, line.balance) for line in lines]
    check("standings", standings, [(175.0, 0, -175.0)])
    check("one of them", polar.customer_meters.get(id=lines[0].id), lines[0])
    state = polar.customers.get_state_external(external_id="ada")
    check("a state", [meter.balance for meter in state.active_meters], [-175.0])
    check("by id", polar.customers.get_state(id=state.id), state)
    benefit = polar.benefits.create(
        request={
            "type": "meter_credit",
            "description": "A hundred tokens",
            "properties": {"units": 100, "rollover": False, "meter_id": tokens.id},
        }
    )
    check("a benefit", benefit.properties.units, 100)
    check("benefits", polar.benefits.list().result.items, [benefit])
    product = polar.products.create(
        request={
            "name": "Pro",
            "recurring_interval": "month",
            "prices": [
                {"amount_type": "fixed", "price_amount": 0},
                {"amount_type": "metered_unit", "meter_id": tokens.id, "unit_amount": 0.5},
            ],
        }
    )
    check("its price", product.prices[1].unit_amount, "0.5")
    product = polar.products.update_benefits(
        id=product.id, product_benefits_update={"benefits": [benefit.id]}
    )
    check("it carries", product.benefits, [benefit])
    check("products", polar.products.list().result.items, [product])
    check("the product", polar.products.get(id=product.id), product)
    polar.benefits.delete(id=benefit.id)
    raises(models.ResourceNotFound, lambda: polar.benefits.get(id=benefit.id))
    nobody = "5041180b-748b-4ea6-afce-2e30ea5be902"
    raises(models.ResourceNotFound, lambda: polar.meters.get(id=nobody))
    raises(models.ResourceNotFound, lambda: polar.customers.get_state(id=nobody))

with Polar(access_token="guess", server_url=URL) as stranger:
    check("a stranger", raises(models.SDKError, lambda: stranger.meters.list()).status_code, 401)
