"""Customers and what they buy, with Polar's Python SDK 1.x, the newest line, and a running server
whose clock is moved by hand.

Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else names
the first that was not. The state of a customer with a running subscription is not asked for: this
line of the SDK gives its status the wrong type, and refuses every answer.
"""

import json
import os
import sys
from datetime import datetime, timedelta
from urllib.request import Request, urlopen

from polar.v2026_10 import Polar
from polar.v2026_10.errors import (
    AlreadyCanceledSubscription,
    HTTPValidationError,
    ResourceNotFound,
)

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


def engine(path, body):
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    data = json.dumps(body).encode()
    return json.load(urlopen(Request(f"{URL}/engine/v1{path}", data, headers)))


with Polar(TOKEN, base_url=URL) as polar:
    clause = {"property": "name", "operator": "eq", "value": "call"}
    meter = polar.meters.create(
        name="Tokens",
        filter={"conjunction": "and", "clauses": [clause]},
        aggregation={"func": "sum", "property": "n"},
    )
    benefit = polar.benefits.create(
        type="meter_credit",
        description="100 tokens",
        properties={"units": 100, "rollover": False, "meter_id": meter.id},
    )

    def product(name, *prices, **more):
        free = {"amount_type": "fixed", "price_amount": 0}
        made = polar.products.create(name=name, prices=[free, *prices], **more)
        return polar.products.update_benefits(made.id, benefits=[benefit.id])

    beyond = {"amount_type": "metered_unit", "meter_id": meter.id, "unit_amount": "0.5"}
    plan = product("Plan", beyond, recurring_interval="month")
    larger = product("Larger", beyond, recurring_interval="year")
    pack = product("Pack")

    # Customers.
    ada = polar.customers.create(
        email="ada@example.com", external_id="ada", name="Ada", metadata={"tier": "gold"}
    )
    polar.customers.create(email="bob@example.com")
    check("a customer", polar.customers.get(ada.id), ada)
    check("by her name", polar.customers.get_external("ada"), ada)
    check("how many", len(list(polar.customers.iter_list(limit=1))), 2)
    check("listed", polar.customers.list(query="ada", sorting=["name"]).items, [ada])
    check("renamed", polar.customers.update(ada.id, name="Ada L.").name, "Ada L.")
    twice = lambda: polar.customers.create(email="ada@example.com")
    check("where", raises(HTTPValidationError, twice).error.detail[0].loc, ["body", "email"])

    # A subscription, as it is used.
    started = polar.subscriptions.create(product_id=plan.id, external_customer_id="ada")
    check("its status", (started.status, started.customer.id), ("active", ada.id))
    event = {"name": "call", "external_customer_id": "ada", "metadata": {"n": 130}}
    polar.events.ingest(events=[event])
    [line] = polar.customer_meters.list(external_customer_id="ada").items
    check("a balance", (line.credited_units, line.balance), (100, -30.0))
    seen = polar.subscriptions.get(started.id)
    check("its meter", (seen.meters[0].amount, seen.meters[0].meter.id), (15, meter.id))
    [found] = polar.subscriptions.list(active=True).items
    check("listed", found, seen)
    raises(HTTPValidationError, lambda: polar.subscriptions.create(product_id=pack.id, customer_id=ada.id))

    # A month later: the order, and new credits.
    now = datetime.fromisoformat(seen.current_period_end)
    engine("/clock", {"now": (now + timedelta(days=1)).isoformat()})
    [order] = polar.orders.list(subscription_id=started.id).items
    check("an order", (order.status, order.total_amount), ("pending", 15))
    check("the same", polar.orders.get(order.id), order)
    engine(f"/orders/{order.id}/paid", {})
    check("paid", polar.orders.get(order.id).paid, True)
    check("new credits", polar.customer_meters.list().items[0].balance, 100.0)

    # Another product, and an end.
    seen = polar.subscriptions.update(
        started.id, product_id=larger.id, proration_behavior="next_period"
    )
    check("a change that waits", seen.pending_update.product_id, larger.id)
    seen = polar.subscriptions.update(started.id, cancel_at_period_end=True)
    check("it will end", seen.ends_at, seen.current_period_end)
    [grant] = polar.benefits.grants(benefit.id).items
    check("a grant", (grant.subscription_id, grant.is_granted), (started.id, True))
    check("the same", polar.benefit_grants.list(is_granted=True).items, [grant])
    check("its end", polar.subscriptions.revoke(started.id).status, "canceled")
    raises(AlreadyCanceledSubscription, lambda: polar.subscriptions.revoke(started.id))

    # Checkouts: of something sold once, and of a subscription, for somebody new.
    checkout = polar.checkouts.create(products=[pack.id], customer_id=ada.id)
    check("a checkout", polar.checkouts.get(checkout.id), checkout)
    confirmed = polar.checkouts.client_confirm(checkout.client_secret)
    check("confirmed", confirmed.status, "confirmed")
    [bought] = polar.orders.list(checkout_id=checkout.id).items
    check("bought", (bought.billing_reason, bought.total_amount), ("purchase", 0))
    checkout = polar.checkouts.create(products=[plan.id], customer_email="eve@example.com")
    polar.checkouts.client_confirm(checkout.client_secret, customer_name="Eve")
    done = polar.checkouts.get(checkout.id)
    check("succeeded", (done.status, done.customer_name), ("succeeded", "Eve"))
    [found] = polar.subscriptions.list(customer_id=done.customer_id).items
    check("started", found.checkout_id, checkout.id)

    state = polar.customers.get_state_external("ada")
    check("a state", (state.active_meters[0].balance, state.active_subscriptions), (100.0, []))
    polar.customers.delete(ada.id)
    raises(ResourceNotFound, lambda: polar.customers.get(ada.id))
