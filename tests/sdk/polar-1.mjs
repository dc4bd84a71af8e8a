// A session of Polar's JavaScript SDK 1.x, the newest line, with a running server.
//
// Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else
// names the first that was not.

import assert from "node:assert/strict";
import { createPolar } from "polar-sdk-1/2026-10";

const { URL: baseUrl, TOKEN: accessToken } = process.env;
const polar = createPolar({ accessToken, baseUrl });
const status = (code) => (error) => error.statusCode === code || error.status === code;

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
assert.equal((await polar.meters.list({ query: "tok" })).items[0].id, tokens.id);
assert.equal((await polar.meters.get(tokens.id)).unit, "scalar");
assert.equal((await polar.meters.update(tokens.id, { unit: "token" })).unit, "token");

const event = (external_id, units) => ({
  name: "call",
  external_customer_id: "ada/eins zwei%41",
  external_id,
  metadata: { tokens: units },
});
const counted = await polar.events.ingest({ events: [event("a", 100), event("b", 15)] });
assert.deepEqual(counted, { inserted: 2, duplicates: 0 });
await assert.rejects(polar.events.ingest({ events: [{ name: "call" }] }), status(422));

const { items } = await polar.customerMeters.list({ meter_id: tokens.id });
assert.equal(items.length, 1);
const [line] = items;
assert.deepEqual([line.consumed_units, line.credited_units, line.balance], [115, 0, -115]);
assert.deepEqual(await polar.customerMeters.get(line.id), line);
await assert.rejects(polar.customerMeters.get("5041180b-748b-4ea6-afce-2e30ea5be902"), status(404));

const state = await polar.customers.getStateExternal("ada/eins zwei%41");
assert.equal(state.active_meters[0].balance, -115);
assert.deepEqual(await polar.customers.getState(state.id), state);

const benefit = await polar.benefits.create({
  type: "meter_credit",
  description: "A hundred tokens",
  properties: { units: 100, rollover: false, meter_id: tokens.id },
});
const product = await polar.products.create({
  name: "Pro",
  recurring_interval: "month",
  prices: [{ amount_type: "free" }],
});
assert.equal(product.prices[0].price_amount, 0);
const carrying = await polar.products.updateBenefits(product.id, { benefits: [benefit.id] });
assert.deepEqual(carrying.benefits, [benefit]);
assert.deepEqual((await polar.products.list({})).items, [carrying]);
await polar.benefits.delete(benefit.id);
assert.deepEqual((await polar.benefits.list({})).items, []);

const stranger = createPolar({ accessToken: "guess", baseUrl });
await assert.rejects(stranger.meters.list(), status(401));
