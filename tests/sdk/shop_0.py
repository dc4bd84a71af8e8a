"""Benefits, products and organizations by Polar's Python SDK 0.32, which checks every field.

Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else names
the first that was not.
"""

import os
import sys

from polar_sdk import Polar, models

URL, TOKEN = os.environ["URL"], os.environ["TOKEN"]
NOBODY = "5041180b-748b-4ea6-afce-2e30ea5be902"


def check(what, found, expected):
    if found != expected:
        sys.exit(f"shop 0: {what}: {found!r} instead of {expected!r}")


def raises(kind, work):
    try:
        found = work()
    except kind as error:
        return error
    sys.exit(f"shop 0: {found!r} instead of {kind.__name__}")


def where(work):
    return raises(models.HTTPValidationError, work).data.detail[0].loc


named = {"property": "name", "operator": "eq", "value": "call"}

with Polar(access_token=TOKEN, server_url=URL) as polar:
    meter = polar.meters.create(
        request={
            "name": "Calls",
            "filter_": {"conjunction": "and", "clauses": [named]},
            "aggregation": {"func": "count"},
        }
    )

    # Benefits.
    def credit(units, meter_id, **more):
        properties = {"units": units, "rollover": False, "meter_id": meter_id}
        return {
            "type": "meter_credit",
            "description": f"{units} calls",
            "properties": properties,
        } | more

    hundred = polar.benefits.create(request=credit(100, meter.id, metadata={"tier": "gold"}))
    check("a benefit", type(hundred), models.BenefitMeterCredit)
    check("its units", (hundred.properties.units, hundred.properties.rollover), (100, False))
    check("its metadata", (hundred.metadata, hundred.is_deleted), ({"tier": "gold"}, False))
    ten = polar.benefits.create(request=credit(10, meter.id))
    check("the benefit", polar.benefits.get(id=ten.id), ten)
    found = polar.benefits.list(type_filter="meter_credit", sorting=["description"]).result.items
    check("benefits", [benefit.id for benefit in found], [ten.id, hundred.id])
    found = polar.benefits.list(exclude_id=ten.id, metadata={"tier": "gold"}).result.items
    check("the other one", found, [hundred])
    place = where(lambda: polar.benefits.create(request=credit(1, NOBODY)))
    check("no such meter", place, ["body", "properties", "meter_id"])
    body = {"type": "meter_credit", "description": "ten calls"}
    ten = polar.benefits.update(id=ten.id, request_body=body)
    check("a description", (ten.description, ten.properties.units), ("ten calls", 10))

    # Products.
    price = {
        "amount_type": "metered_unit",
        "meter_id": meter.id,
        "unit_amount": "0.5",
        "cap_amount": 5000,
    }
    free = {"amount_type": "fixed", "price_amount": 0}
    plan = polar.products.create(
        request={
            "name": "Plan",
            "recurring_interval": "year",
            "meter_interval": "month",
            "trial_interval": "day",
            "trial_interval_count": 14,
            "prices": [free, price],
            "metadata": {"n": 1},
        }
    )
    check("a product", (plan.name, plan.is_recurring, plan.benefits), ("Plan", True, []))
    check("its intervals", (plan.recurring_interval, plan.meter_interval), ("year", "month"))
    check("its trial", (plan.trial_interval, plan.trial_interval_count), ("day", 14))
    fixed, metered = plan.prices
    check("its prices", (fixed.price_amount, metered.unit_amount), (0, "0.5"))
    check("its meter", (metered.meter.id, metered.cap_amount), (meter.id, 5000))
    pack = polar.products.create(
        request={"name": "Pack", "prices": [{"amount_type": "fixed", "price_amount": 500}]}
    )
    check("once", (pack.is_recurring, pack.recurring_interval), (False, None))
    update = {"benefits": [hundred.id, ten.id]}
    plan = polar.products.update_benefits(id=plan.id, product_benefits_update=update)
    check("what it carries", [benefit.id for benefit in plan.benefits], [hundred.id, ten.id])
    check("the product", polar.products.get(id=plan.id), plan)
    found = polar.products.list(is_recurring=True, benefit_id=ten.id, sorting=["-name"])
    check("products", [product.id for product in found.result.items], [plan.id])
    # The SDK takes a price that is kept as its own model only.
    kept = models.ExistingProductPrice(id=metered.id)
    update = models.ProductUpdate(name="Plan two", prices=[kept], visibility="private")
    plan = polar.products.update(id=plan.id, product_update=update)
    check("a price is kept", [price.id for price in plan.prices], [metered.id])
    archived = polar.products.update(id=pack.id, product_update={"is_archived": True})
    check("archived", archived.is_archived, True)
    found = polar.products.list(is_archived=False, visibility=["private"]).result.items
    check("not archived", [product.name for product in found], ["Plan two"])
    update = {"benefits": [NOBODY]}
    place = where(
        lambda: polar.products.update_benefits(id=pack.id, product_benefits_update=update)
    )
    check("no such benefit", place, ["body", "benefits", 0])
    raises(models.ResourceNotFound, lambda: polar.products.get(id=NOBODY))

    # A benefit that is deleted is nowhere.
    check("deleted", polar.benefits.delete(id=ten.id), None)
    raises(models.ResourceNotFound, lambda: polar.benefits.get(id=ten.id))
    carried = polar.products.get(id=plan.id).benefits
    check("what is left", [benefit.id for benefit in carried], [hundred.id])
    place = where(lambda: polar.meters.update(id=meter.id, meter_update={"is_archived": True}))
    check("a meter in use", place, ["body", "is_archived"])

    # The organization.
    own = polar.organizations.list_organizations(slug="default").result.items
    check("the organization", [one.id for one in own], [plan.organization_id])
    check("by id", polar.organizations.get(id=own[0].id), own[0])
    raises(models.ResourceNotFound, lambda: polar.organizations.get(id=NOBODY))
