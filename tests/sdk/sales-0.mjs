// Customers and what they buy, with Polar's JavaScript SDK 0.49, which checks every field, and a
// running server whose clock is moved by hand.
//
// Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else
// names the first that was not.

import assert from "node:assert/strict";
import { Polar } from "polar-sdk-0";

const { URL: serverURL, TOKEN: accessToken } = process.env;
const polar = new Polar({ accessToken, serverURL });
const status = (code) => (error) => error.statusCode === code;

const engine = async (path, body) => {
  const headers = { authorization: `Bearer ${accessToken}`, "content-type": "application/json" };
  const request = { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(`${serverURL}/engine/v1${path}`, request);
  assert.ok(answer.ok, await answer.clone().text());
  return answer.json();
};

const clause = { property: "name", operator: "eq", value: "call" };
const meter = await polar.meters.create({
  name: "Tokens",
  filter: { conjunction: "and", clauses: [clause] },
  aggregation: { func: "sum", property: "n" },
});
const benefit = await polar.benefits.create({
  type: "meter_credit",
  description: "100 tokens",
  properties: { units: 100, rollover: false, meterId: meter.id },
});
const product = async (more, ...prices) => {
  const free = { amountType: "fixed", priceAmount: 0 };
  const { id } = await polar.products.create({ ...more, prices: [free, ...prices] });
  const productBenefitsUpdate = { benefits: [benefit.id] };
  return polar.products.updateBenefits({ id, productBenefitsUpdate });
};
const beyond = { amountType: "metered_unit", meterId: meter.id, unitAmount: "0.5" };
const plan = await product({ name: "Plan", recurringInterval: "month" }, beyond);
const pack = await product({ name: "Pack" });

// Customers.
const ada = await polar.customers.create({
  email: "ada@example.com",
  externalId: "ada",
  metadata: { tier: "gold" },
  billingAddress: { country: "FR", city: "Paris" },
});
assert.deepEqual(await polar.customers.get({ id: ada.id }), ada);
assert.deepEqual(await polar.customers.getExternal({ externalId: "ada" }), ada);
assert.deepEqual((await polar.customers.list({ query: "ada" })).result.items, [ada]);
const customerUpdate = { name: "Ada" };
assert.equal((await polar.customers.update({ id: ada.id, customerUpdate })).name, "Ada");
await assert.rejects(polar.customers.create({ email: "ada@example.com" }), status(422));

// A subscription, as it is used.
const started = await polar.subscriptions.create({ productId: plan.id, customerId: ada.id });
assert.equal(started.status, "active");
const event = { name: "call", externalCustomerId: "ada", metadata: { n: 130 } };
await polar.events.ingest({ events: [event] });
const state = await polar.customers.getStateExternal({ externalId: "ada" });
assert.equal(state.activeMeters[0].balance, -30);
assert.equal(state.activeSubscriptions[0].meters[0].amount, 15);
assert.equal(state.grantedBenefits[0].benefitId, benefit.id);
assert.deepEqual(await polar.customers.getState({ id: ada.id }), state);
const seen = await polar.subscriptions.get({ id: started.id });
assert.deepEqual([seen.meters[0].amount, seen.meters[0].meterId], [15, meter.id]);
assert.deepEqual((await polar.subscriptions.list({ active: true })).result.items, [seen]);

// A month later: the order, and new credits.
const later = new Date(seen.currentPeriodEnd.getTime() + 1000);
await engine("/clock", { now: later.toISOString() });
const [order] = (await polar.orders.list({ customerId: ada.id })).result.items;
assert.deepEqual([order.status, order.totalAmount], ["pending", 15]);
assert.deepEqual(await polar.orders.get({ id: order.id }), order);
await engine(`/orders/${order.id}/paid`, {});
const [line] = (await polar.customerMeters.list({})).result.items;
assert.equal(line.balance, 100);

// Its end.
const update = (subscriptionUpdate) =>
  polar.subscriptions.update({ id: started.id, subscriptionUpdate });
const ends = await update({ cancelAtPeriodEnd: true });
assert.deepEqual(ends.endsAt, ends.currentPeriodEnd);
const [grant] = (await polar.benefits.grants({ id: benefit.id })).result.items;
assert.equal(grant.subscriptionId, started.id);
assert.deepEqual((await polar.benefitGrants.list({})).result.items, [grant]);
assert.equal((await polar.subscriptions.revoke({ id: started.id })).status, "canceled");
await assert.rejects(polar.subscriptions.revoke({ id: started.id }), status(403));

// A checkout of something sold once.
const checkout = await polar.checkouts.create({ products: [pack.id], customerId: ada.id });
assert.deepEqual(await polar.checkouts.get({ id: checkout.id }), checkout);
const { clientSecret } = checkout;
const confirmed = await polar.checkouts.clientConfirm({ clientSecret, checkoutConfirmStripe: {} });
assert.equal(confirmed.status, "confirmed");
const [bought] = (await polar.orders.list({ checkoutId: checkout.id })).result.items;
assert.equal(bought.billingReason, "purchase");

await polar.customers.deleteExternal({ externalId: "ada" });
await assert.rejects(polar.customers.get({ id: ada.id }), status(404));
