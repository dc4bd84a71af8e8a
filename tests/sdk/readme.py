"""Credits end to end with Polar's Python SDK: a plan with 100 tokens a month, a customer who uses
130, and the bill for the rest. Needs a server that was started with `--clock manual`.
"""

import json
import os
from datetime import datetime, timedelta
from urllib.request import Request, urlopen

from polar.v2026_10 import Polar

URL, TOKEN = os.environ["URL"], os.environ["TOKEN"]


def engine(path, body=None):
    """What Polar has no word for lives under /engine/v1."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    return json.load(urlopen(Request(f"{URL}/engine/v1{path}", data, headers)))


with Polar(TOKEN, base_url=URL) as polar:
    # What is sold: 100 tokens a month for nothing, and half a cent for each one beyond.
    is_call = {"property": "name", "operator": "eq", "value": "llm.call"}
    meter = polar.meters.create(
        name="Tokens",
        filter={"conjunction": "and", "clauses": [is_call]},
        aggregation={"func": "sum", "property": "tokens"},
    )
    benefit = polar.benefits.create(
        type="meter_credit",
        description="100 tokens",
        properties={"units": 100, "rollover": False, "meter_id": meter.id},
    )
    product = polar.products.create(
        name="Starter",
        recurring_interval="month",
        prices=[
            {"amount_type": "fixed", "price_amount": 0},
            {"amount_type": "metered_unit", "meter_id": meter.id, "unit_amount": "0.5"},
        ],
    )
    polar.products.update_benefits(product.id, benefits=[benefit.id])

    # Who buys it.
    ada = polar.customers.create(email="ada@example.com", external_id="ada")
    subscription = polar.subscriptions.create(product_id=product.id, customer_id=ada.id)

    def balance():
        return polar.customer_meters.list(external_customer_id="ada").items[0].balance

    assert balance() == 100

    # Use is taken off before the answer to the event itself.
    used = {"name": "llm.call", "external_customer_id": "ada", "metadata": {"tokens": 130}}
    polar.events.ingest(events=[used])
    assert balance() == -30

    # A month later there is an order over the 30 tokens beyond, and 100 new ones.
    now = datetime.fromisoformat(engine("/clock")["now"])
    engine("/clock", {"now": (now + timedelta(days=31)).isoformat()})
    [order] = polar.orders.list(customer_id=ada.id).items
    assert (order.billing_reason, order.total_amount) == ("subscription_cycle", 15)
    engine(f"/orders/{order.id}/paid", {})
    assert balance() == 100

    print(f"{order.items[-1].label}: {order.total_amount} cents; {balance():.0f} tokens left")
