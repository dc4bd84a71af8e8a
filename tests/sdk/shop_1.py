"""Benefits, products and organizations by Polar's Python SDK 1.x, the newest line.

Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else names
the first that was not.
"""

import os
import sys

from polar.v2026_10 import Polar
from polar.v2026_10.errors import HTTPValidationError, ResourceNotFound

URL, TOKEN = os.environ["URL"], os.environ["TOKEN"]
NOBODY = "5041180b-748b-4ea6-afce-2e30ea5be902"


def check(what, found, expected):
    if found != expected:
        sys.exit(f"shop 1: {what}: {found!r} instead of {expected!r}")


def raises(kind, work):
    try:
        found = work()
    except kind as error:
        return error
    sys.exit(f"shop 1: {found!r} instead of {kind.__name__}")


def where(work):
    return raises(HTTPValidationError, work).error.detail[0].loc


named = {"property": "name", "operator": "eq", "value": "call"}

with Polar(TOKEN, base_url=URL) as polar:
    meter = polar.meters.create(
        name="Calls",
        filter={"conjunction": "and", "clauses": [named]},
        aggregation={"func": "count"},
        unit="custom",
        custom_label="call",
    )

    # Benefits.
    def credit(units, meter_id=meter.id, **more):
        properties = {"units": units, "rollover": True, "meter_id": meter_id}
        return {
            "type": "meter_credit",
            "description": f"{units} calls",
            "properties": properties,
        } | more

    hundred = polar.benefits.create(**credit(100, metadata={"tier": "gold"}))
    check("a benefit", (hundred.type, hundred.properties.units), ("meter_credit", 100))
    check("it carries over", (hundred.properties.rollover, hundred.deletable), (True, True))
    ten = polar.benefits.create(**credit(10))
    check("the benefit", polar.benefits.get(ten.id), ten)
    found = polar.benefits.list(type="meter_credit", sorting=["description"])
    check("benefits", [benefit.id for benefit in found.items], [ten.id, hundred.id])
    check("how many", (found.pagination.total_count, found.pagination.max_page), (2, 1))
    check("one by one", len(list(polar.benefits.iter_list(limit=1))), 2)
    check("by name", polar.benefits.list(query="100").items, [hundred])
    check("by metadata", polar.benefits.list(metadata={"tier": "gold"}).items, [hundred])
    place = where(lambda: polar.benefits.create(**credit(1, NOBODY)))
    check("no such meter", place, ["body", "properties", "meter_id"])
    place = where(lambda: polar.benefits.create(**credit(0)))
    check("too few", place, ["body", "properties", "units"])
    properties = {"units": 11, "rollover": False, "meter_id": meter.id}
    ten = polar.benefits.update(ten.id, type="meter_credit", properties=properties)
    check("one more", (ten.properties.units, ten.properties.rollover), (11, False))

    # Products.
    price = {"amount_type": "metered_unit", "meter_id": meter.id, "unit_amount": 0.25}
    free = {"amount_type": "free"}
    plan = polar.products.create(
        name="Plan", recurring_interval="month", prices=[free, price], description="All of it"
    )
    check("a product", (plan.recurring_interval_count, plan.meter_interval), (1, None))
    fixed, metered = plan.prices
    check("nothing", (fixed.amount_type, fixed.price_amount), ("fixed", 0))
    check("a price", (metered.unit_amount, metered.cap_amount), ("0.25", None))
    check("its meter", (metered.meter.name, metered.meter.custom_label), ("Calls", "call"))
    pack = polar.products.create(
        name="Pack", prices=[{"amount_type": "fixed", "price_amount": 500}]
    )
    check("once", (pack.is_recurring, pack.prices[0].price_amount), (False, 500))
    plan = polar.products.update_benefits(plan.id, benefits=[ten.id, hundred.id])
    check("what it carries", plan.benefits, [ten, hundred])
    check("the product", polar.products.get(plan.id), plan)
    check("by benefit", polar.products.list(benefit_id=[ten.id]).items, [plan])
    check("by kind", polar.products.list(is_recurring=False).items, [pack])
    names = [product.name for product in polar.products.iter_list(sorting=["name"], limit=1)]
    check("one by one", names, ["Pack", "Plan"])
    plan = polar.products.update(
        plan.id, description=None, trial_interval="week", trial_interval_count=2
    )
    check("changes", (plan.description, plan.trial_interval_count), (None, 2))
    twice = [price, price]
    place = where(lambda: polar.products.update(plan.id, prices=twice))
    check("one price a meter", place, ["body", "prices"])
    place = where(lambda: polar.products.update(plan.id, recurring_interval="year"))
    check("intervals stay", place, ["body", "recurring_interval"])
    check("as before", polar.products.get(plan.id), plan)
    check("archived", polar.products.update(pack.id, is_archived=True).is_archived, True)
    check("put away", polar.products.list(is_archived=True).pagination.total_count, 1)

    # A benefit that is deleted is nowhere.
    polar.benefits.delete(ten.id)
    raises(ResourceNotFound, lambda: polar.benefits.delete(ten.id))
    check("what is left", polar.products.get(plan.id).benefits, [hundred])
    place = where(lambda: polar.meters.update(meter.id, is_archived=True))
    check("a meter in use", place, ["body", "is_archived"])

    # The organization.
    own = polar.organizations.list().items
    check("the organization", [one.id for one in own], [plan.organization_id])
    check("by id", polar.organizations.get(own[0].id), own[0])
    raises(ResourceNotFound, lambda: polar.organizations.get(NOBODY))
