// Benefits, products and organizations by Polar's JavaScript SDK 1.x, the newest line.
//
// Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else
// names the first that was not.

import assert from "node:assert/strict";
import { createPolar } from "polar-sdk-1/2026-10";

const { URL: baseUrl, TOKEN: accessToken } = process.env;
const polar = createPolar({ accessToken, baseUrl });
const nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
const status = (code) => (error) => error.statusCode === code || error.status === code;
const ids = (things) => things.map((thing) => thing.id);

const clauses = [{ property: "name", operator: "eq", value: "call" }];
const meter = await polar.meters.create({
  name: "Calls",
  filter: { conjunction: "and", clauses },
  aggregation: { func: "count" },
});

// Benefits.
const credit = (units, meter_id = meter.id) => ({
  type: "meter_credit",
  description: `${units} calls`,
  properties: { units, rollover: true, meter_id },
});
const hundred = await polar.benefits.create({ ...credit(100), metadata: { tier: "gold" } });
assert.deepEqual(hundred.properties, { units: 100, rollover: true, meter_id: meter.id });
const ten = await polar.benefits.create(credit(10));
assert.deepEqual(await polar.benefits.get(ten.id), ten);
const listed = await polar.benefits.list({ sorting: ["-description"], type: ["meter_credit"] });
assert.deepEqual(listed.items, [hundred, ten]);
await assert.rejects(polar.benefits.create(credit(1, nobody)), status(422));
const described = await polar.benefits.update(ten.id, { type: "meter_credit", description: "some" });
assert.equal(described.description, "some");

// Products.
const price = { amount_type: "metered_unit", meter_id: meter.id, unit_amount: 1e-7 };
const plan = await polar.products.create({
  name: "Plan",
  recurring_interval: "month",
  prices: [{ amount_type: "free" }, price],
  metadata: { n: 1.5 },
});
assert.deepEqual([plan.is_recurring, plan.metadata], [true, { n: 1.5 }]);
// A float on the way here, and exact all the same.
assert.equal(plan.prices[1].unit_amount, "0.0000001");
const carrying = await polar.products.updateBenefits(plan.id, { benefits: [ten.id, hundred.id] });
assert.deepEqual(ids(carrying.benefits), [ten.id, hundred.id]);
assert.deepEqual(await polar.products.get(plan.id), carrying);
const [found] = (await polar.products.list({ benefit_id: ten.id, is_recurring: true })).items;
assert.deepEqual(found, carrying);
const plus = await polar.products.update(plan.id, { name: "Plus", visibility: "draft" });
assert.deepEqual([plus.name, plus.visibility], ["Plus", "draft"]);
await assert.rejects(polar.products.update(plan.id, { meter_interval: "day", prices: [] }), status(422));
await assert.rejects(polar.products.get(nobody), status(404));

// A benefit that is deleted is nowhere.
await polar.benefits.delete(ten.id);
await assert.rejects(polar.benefits.get(ten.id), status(404));
assert.deepEqual(ids((await polar.products.get(plan.id)).benefits), [hundred.id]);

// The organization.
const [own] = (await polar.organizations.list()).items;
assert.equal(own.id, plan.organization_id);
assert.deepEqual(await polar.organizations.get(own.id), own);
await assert.rejects(polar.organizations.get(nobody), status(404));
