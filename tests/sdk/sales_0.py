"""Customers and what they buy, with Polar's Python SDK 0.32, which checks every field, and a running
server whose clock is moved by hand.

Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else names
the first that was not.
"""

import json
import os
import sys
from datetime import timedelta
from urllib.request import Request, urlopen

from polar_sdk import Polar, models

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


def engine(path, body):
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    data = json.dumps(body).encode()
    return json.load(urlopen(Request(f"{URL}/engine/v1{path}", data, headers)))


with Polar(access_token=TOKEN, server_url=URL) as polar:
    clause = {"property": "name", "operator": "eq", "value": "call"}
    meter = polar.meters.create(
        request={
            "name": "Tokens",
            "filter_": {"conjunction": "and", "clauses": [clause]},
            "aggregation": {"func": "sum", "property": "n"},
        }
    )
    benefit = polar.benefits.create(
        request={
            "type": "meter_credit",
            "description": "100 tokens",
            "properties": {"units": 100, "rollover": False, "meter_id": meter.id},
        }
    )

    def product(name, interval, *prices):
        free = {"amount_type": "fixed", "price_amount": 0}
        request = {"name": name, "prices": [free, *prices]}
        if interval:
            request |= {"recurring_interval": interval}
        made = polar.products.create(request=request)
        benefits = {"benefits": [benefit.id]}
        return polar.products.update_benefits(id=made.id, product_benefits_update=benefits)

    beyond = {"amount_type": "metered_unit", "meter_id": meter.id, "unit_amount": "0.5"}
    plan, larger = product("Plan", "month", beyond), product("Larger", "year", beyond)
    pack = product("Pack", None)

    # Customers.
    ada = polar.customers.create(
        request={
            "email": "ada@example.com",
            "external_id": "ada",
            "name": "Ada",
            "metadata": {"tier": "gold", "n": 3, "flag": True},
            "billing_address": {"country": "FR", "city": "Paris"},
            "tax_id": "FR61954506077",
            "type": "individual",
        }
    )
    check("her address", ada.billing_address.city, "Paris")
    check("a customer", polar.customers.get(id=ada.id), ada)
    check("by her name", polar.customers.get_external(external_id="ada"), ada)
    listed = polar.customers.list(email="ADA@example.com", metadata={"tier": "gold"}).result.items
    check("listed", listed, [ada])
    renamed = polar.customers.update(id=ada.id, customer_update={"name": "Ada L."})
    check("renamed", (renamed.name, renamed.email), ("Ada L.", "ada@example.com"))
    change = {"metadata": {"tier": "silver"}}
    found = polar.customers.update_external(
        external_id="ada", customer_update_external_id=change
    )
    check("her tier", found.metadata, {"tier": "silver"})
    twice = {"email": "ada@example.com", "type": "individual"}
    error = raises(models.HTTPValidationError, lambda: polar.customers.create(request=twice))
    check("where", error.data.detail[0].loc, ["body", "email"])

    # A subscription, as it is used.
    started = polar.subscriptions.create(request={"product_id": plan.id, "customer_id": ada.id})
    check("its status", (started.status, started.amount), ("active", 0))
    event = {"name": "call", "external_customer_id": "ada", "metadata": {"n": 130}}
    polar.events.ingest(request={"events": [event]})
    state = polar.customers.get_state_external(external_id="ada")
    [meter_now] = state.active_meters
    check("a balance", (meter_now.credited_units, meter_now.balance), (100, -30.0))
    check("an amount", state.active_subscriptions[0].meters[0].amount, 15)
    check("a benefit", state.granted_benefits[0].benefit_id, benefit.id)
    check("by id", polar.customers.get_state(id=ada.id), state)
    seen = polar.subscriptions.get(id=started.id)
    check("its meter", (seen.meters[0].amount, seen.meters[0].meter.id), (15, meter.id))
    listed = polar.subscriptions.list(external_customer_id="ada", active=True).result.items
    check("listed", [line.id for line in listed], [started.id])

    # A period that ends on demand: its order, and new credits.
    end = {"current_billing_period_end": seen.started_at + timedelta(minutes=1)}
    seen = polar.subscriptions.update(id=started.id, subscription_update=end)
    later = seen.current_period_end + timedelta(minutes=1)
    engine("/clock", {"now": later.isoformat()})
    [order] = polar.orders.list(subscription_id=started.id).result.items
    check("an order", (order.status, order.total_amount, order.due_amount), ("pending", 15, 15))
    check("the same", polar.orders.get(id=order.id), order)
    engine(f"/orders/{order.id}/paid", {})
    check("paid", polar.orders.get(id=order.id).paid, True)
    [line] = polar.customer_meters.list(external_customer_id="ada").result.items
    check("new credits", (line.balance, line.customer.id), (100.0, ada.id))

    # Another product, an end, and none.
    change = {"product_id": larger.id, "proration_behavior": "next_period"}
    seen = polar.subscriptions.update(id=started.id, subscription_update=change)
    check("a change that waits", seen.pending_update.product_id, larger.id)
    change = {"product_id": larger.id, "proration_behavior": "prorate"}
    seen = polar.subscriptions.update(id=started.id, subscription_update=change)
    check("a change", (seen.product.id, seen.recurring_interval), (larger.id, "year"))
    ends = {"cancel_at_period_end": True, "customer_cancellation_reason": "unused"}
    seen = polar.subscriptions.update(id=started.id, subscription_update=ends)
    check("it will end", seen.ends_at, seen.current_period_end)
    goes_on = {"cancel_at_period_end": False}
    seen = polar.subscriptions.update(id=started.id, subscription_update=goes_on)
    check("it will not", seen.ends_at, None)
    [grant] = polar.benefit_grants.list(external_customer_id="ada").result.items
    check("a grant", (grant.is_granted, grant.subscription_id), (True, started.id))
    check("of the benefit", polar.benefits.grants(id=benefit.id).result.items, [grant])
    ended = polar.subscriptions.revoke(id=started.id)
    check("its end", ended.status, "canceled")
    raises(
        models.AlreadyCanceledSubscription, lambda: polar.subscriptions.revoke(id=started.id)
    )

    # A checkout of something sold once.
    request = {"products": [pack.id], "external_customer_id": "ada", "success_url": "https://example.com/"}
    checkout = polar.checkouts.create(request=request)
    check("a checkout", (checkout.status, checkout.customer_id), ("open", ada.id))
    check("the same", polar.checkouts.get(id=checkout.id), checkout)
    secret = checkout.client_secret
    check("by its secret", polar.checkouts.client_get(client_secret=secret).id, checkout.id)
    confirmed = polar.checkouts.client_confirm(client_secret=secret, checkout_confirm_stripe={})
    check("confirmed", confirmed.id, checkout.id)
    check("succeeded", polar.checkouts.get(id=checkout.id).status, "succeeded")
    [bought] = polar.orders.list(checkout_id=checkout.id).result.items
    check("bought", (bought.billing_reason, bought.product.id), ("purchase", pack.id))
    grants = polar.benefit_grants.list(is_granted=True).result.items
    check("its grant", [grant.order_id for grant in grants], [bought.id])

    polar.customers.delete(id=ada.id)
    raises(models.ResourceNotFound, lambda: polar.customers.get(id=ada.id))
    check("nobody is left", polar.customers.list().result.items, [])
