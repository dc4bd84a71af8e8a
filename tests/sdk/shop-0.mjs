// Benefits, products and organizations by Polar's JavaScript SDK 0.49, which checks every field.
//
// Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else
// names the first that was not.

import assert from "node:assert/strict";
import { Polar } from "polar-sdk-0";

const { URL: serverURL, TOKEN: accessToken } = process.env;
const polar = new Polar({ accessToken, serverURL });
const nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
const status = (code) => (error) => error.statusCode === code;
const at = (...loc) => (error) => {
  assert.equal(error.statusCode, 422);
  assert.deepEqual(error.detail[0].loc, ["body", ...loc]);
  return true;
};
const ids = (things) => things.map((thing) => thing.id);

const clauses = [{ property: "name", operator: "eq", value: "call" }];
const meter = await polar.meters.create({
  name: "Calls",
  filter: { conjunction: "and", clauses },
  aggregation: { func: "count" },
});

// Benefits.
const credit = (units, meterId = meter.id) => ({
  type: "meter_credit",
  description: `${units} calls`,
  properties: { units, rollover: false, meterId },
});
const hundred = await polar.benefits.create({ ...credit(100), metadata: { tier: "gold" } });
assert.deepEqual(hundred.properties, { units: 100, rollover: false, meterId: meter.id });
const ten = await polar.benefits.create(credit(10));
assert.deepEqual(await polar.benefits.get({ id: ten.id }), ten);
const listed = await polar.benefits.list({ typeFilter: "meter_credit", sorting: ["created_at"] });
assert.deepEqual(listed.result.items, [hundred, ten]);
const gold = await polar.benefits.list({ metadata: { tier: "gold" } });
assert.deepEqual(ids(gold.result.items), [hundred.id]);
await assert.rejects(polar.benefits.create(credit(1, nobody)), at("properties", "meter_id"));
const requestBody = { type: "meter_credit", description: "ten calls" };
assert.equal((await polar.benefits.update({ id: ten.id, requestBody })).description, "ten calls");

// Products.
const price = { amountType: "metered_unit", meterId: meter.id, unitAmount: "0.5", capAmount: 900 };
const plan = await polar.products.create({
  name: "Plan",
  recurringInterval: "year",
  meterInterval: "month",
  prices: [{ amountType: "fixed", priceAmount: 0 }, price],
});
assert.deepEqual([plan.recurringInterval, plan.meterInterval, plan.meterIntervalCount], ["year", "month", 1]);
const [fixed, metered] = plan.prices;
assert.deepEqual([fixed.amountType, fixed.priceAmount], ["fixed", 0]);
assert.deepEqual([metered.unitAmount, metered.capAmount, metered.meter.id], ["0.5", 900, meter.id]);
const pack = await polar.products.create({
  name: "Pack",
  prices: [{ amountType: "fixed", priceAmount: 500 }],
});
assert.equal(pack.recurringInterval, null);
const productBenefitsUpdate = { benefits: [hundred.id, ten.id] };
const carrying = await polar.products.updateBenefits({ id: plan.id, productBenefitsUpdate });
assert.deepEqual(ids(carrying.benefits), [hundred.id, ten.id]);
assert.deepEqual(await polar.products.get({ id: plan.id }), carrying);
const recurring = await polar.products.list({ isRecurring: true, benefitId: [ten.id] });
assert.deepEqual(recurring.result.items, [carrying]);
const productUpdate = { name: "Plus", prices: [{ id: metered.id }], trialInterval: "day", trialIntervalCount: 3 };
const plus = await polar.products.update({ id: plan.id, productUpdate });
assert.deepEqual([plus.name, ids(plus.prices), plus.trialIntervalCount], ["Plus", [metered.id], 3]);
await assert.rejects(
  polar.products.update({ id: pack.id, productUpdate: { prices: [price] } }),
  at("recurring_interval"),
);
const archive = { id: pack.id, productUpdate: { isArchived: true } };
assert.equal((await polar.products.update(archive)).isArchived, true);
const live = await polar.products.list({ isArchived: false });
assert.deepEqual(ids(live.result.items), [plan.id]);
await assert.rejects(polar.products.get({ id: nobody }), status(404));

// A benefit that is deleted is nowhere.
await polar.benefits.delete({ id: ten.id });
await assert.rejects(polar.benefits.get({ id: ten.id }), status(404));
assert.deepEqual(ids((await polar.products.get({ id: plan.id })).benefits), [hundred.id]);
const meterUpdate = { isArchived: true };
await assert.rejects(polar.meters.update({ id: meter.id, meterUpdate }), at("is_archived"));

// The organization.
const [own] = (await polar.organizations.listOrganizations({})).result.items;
assert.equal(own.id, plan.organizationId);
assert.deepEqual(await polar.organizations.get({ id: own.id }), own);
await assert.rejects(polar.organizations.get({ id: nobody }), status(404));
