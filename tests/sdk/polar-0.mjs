// A session of Polar's JavaScript SDK 0.49, which checks every field, and of what Polar collects
// usage with, with a running server.
//
// Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else
// names the first that was not.

import assert from "node:assert/strict";
import { Ingestion } from "@polar-sh/ingestion";
import { Polar } from "polar-sdk-0";

const { URL: serverURL, TOKEN: accessToken } = process.env;
const polar = new Polar({ accessToken, serverURL });
const status = (code) => (error) => error.statusCode === code;

const byName = {
  conjunction: "and",
  clauses: [{ property: "name", operator: "eq", value: "call" }],
};
const tokens = await polar.meters.create({
  name: "Tokens",
  filter: byName,
  aggregation: { func: "sum", property: "tokens" },
});
assert.deepEqual(tokens.filter, byName);
assert.equal((await polar.meters.list({})).result.items[0].id, tokens.id);
assert.deepEqual(await polar.meters.get({ id: tokens.id }), tokens);
const meterUpdate = { unit: "custom", customLabel: "kilo", customMultiplier: 1000 };
assert.equal((await polar.meters.update({ id: tokens.id, meterUpdate })).customLabel, "kilo");

const event = (externalId, units) => ({
  name: "call",
  externalCustomerId: "ada",
  externalId,
  metadata: { tokens: units },
});
const counted = await polar.events.ingest({ events: [event("a", 100), event("a", 15)] });
assert.deepEqual(counted, { inserted: 1, duplicates: 1 });
await assert.rejects(polar.events.ingest({ events: [event("b", "")] }), status(422));

const ingestion = Ingestion({ accessToken, serverURL });
assert.equal((await ingestion.ingest([event("c", 7.5)])).inserted, 1);

const { items } = (await polar.customerMeters.list({ externalCustomerId: "ada" })).result;
const [line] = items;
assert.deepEqual([line.consumedUnits, line.creditedUnits, line.balance], [107.5, 0, -107.5]);
assert.deepEqual(await polar.customerMeters.get({ id: line.id }), line);
const state = await polar.customers.getStateExternal({ externalId: "ada" });
assert.equal(state.activeMeters[0].balance, -107.5);
assert.deepEqual(await polar.customers.getState({ id: state.id }), state);

const benefit = await polar.benefits.create({
  type: "meter_credit",
  description: "A hundred tokens",
  properties: { units: 100, rollover: true, meterId: tokens.id },
});
assert.deepEqual(await polar.benefits.get({ id: benefit.id }), benefit);
const product = await polar.products.create({
  name: "Pro",
  recurringInterval: "month",
  prices: [
    { amountType: "fixed", priceAmount: 0 },
    { amountType: "metered_unit", meterId: tokens.id, unitAmount: "0.25", capAmount: 900 },
  ],
});
assert.equal(product.prices[1].unitAmount, "0.25");
const productBenefitsUpdate = { benefits: [benefit.id] };
const carrying = await polar.products.updateBenefits({ id: product.id, productBenefitsUpdate });
assert.deepEqual(carrying.benefits, [benefit]);
assert.deepEqual((await polar.products.list({})).result.items, [carrying]);
const productUpdate = { name: "Pro 2", isArchived: true };
assert.equal((await polar.products.update({ id: product.id, productUpdate })).isArchived, true);
await polar.benefits.delete({ id: benefit.id });
assert.deepEqual((await polar.benefits.list({})).result.items, []);

const nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
await assert.rejects(polar.meters.get({ id: nobody }), status(404));
await assert.rejects(polar.customerMeters.get({ id: "no" }), status(422));
const stranger = new Polar({ accessToken: "guess", serverURL });
await assert.rejects(stranger.meters.list({}), status(401));
