// Customers and what they buy, with Polar's JavaScript SDK 1.x, the newest line, and a running
// server whose clock is moved by hand.
//
// Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else
// names the first that was not.

import assert from "node:assert/strict";
import { createPolar } from "polar-sdk-1/2026-10";

const { URL: baseUrl, TOKEN: accessToken } = process.env;
const polar = createPolar({ accessToken, baseUrl });
const status = (code) => (error) => error.statusCode === code || error.status === code;

const clause = { property: "name", operator: "eq", value: "call" };
const meter = await polar.meters.create({
  name: "Tokens",
  filter: { conjunction: "and", clauses: [clause] },
  aggregation: { func: "sum", property: "n" },
});
const benefit = await polar.benefits.create({
  type: "meter_credit",
  description: "100 tokens",
  properties: { units: 100, rollover: true, meter_id: meter.id },
});
const plan = await polar.products.create({
  name: "Plan",
  recurring_interval: "month",
  prices: [{ amount_type: "fixed", price_amount: 0 }],
});
await polar.products.updateBenefits(plan.id, { benefits: [benefit.id] });

const ada = await polar.customers.create({ email: "ada@example.com", external_id: "ada/1" });
assert.deepEqual(await polar.customers.getExternal("ada/1"), ada);
assert.equal((await polar.customers.update(ada.id, { name: "Ada" })).name, "Ada");
assert.equal((await polar.customers.list({ email: "ada@example.com" })).items.length, 1);

const body = { product_id: plan.id, external_customer_id: "ada/1" };
const started = await polar.subscriptions.create(body);
const event = { name: "call", customer_id: ada.id, metadata: { n: 30.5 } };
await polar.events.ingest({ events: [event] });
const state = await polar.customers.getStateExternal("ada/1");
assert.equal(state.active_subscriptions[0].id, started.id);
assert.deepEqual([state.active_meters[0].balance, state.granted_benefits.length], [69.5, 1]);

// Without a metered price nothing is billed; what is left is carried, in whole units.
const now = new Date(new Date(started.current_period_end).getTime() + 1000);
const headers = { authorization: `Bearer ${accessToken}`, "content-type": "application/json" };
const request = { method: "POST", headers, body: JSON.stringify({ now: now.toISOString() }) };
assert.equal((await fetch(`${baseUrl}/engine/v1/clock`, request)).status, 200);
const [line] = (await polar.customerMeters.list({ customer_id: ada.id })).items;
assert.equal(line.balance, 169);
const [order] = (await polar.orders.list({ customer_id: ada.id })).items;
assert.deepEqual([order.total_amount, order.paid], [0, true]);

assert.equal((await polar.subscriptions.revoke(started.id)).status, "canceled");
await assert.rejects(polar.subscriptions.revoke(started.id), status(403));
await polar.customers.delete(ada.id);
await assert.rejects(polar.customers.get(ada.id), status(404));
