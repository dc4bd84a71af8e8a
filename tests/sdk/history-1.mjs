// Retained events and quantities, read with Polar's JavaScript SDK 1.x, the newest line.
//
// Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else
// names the first that was not.

import assert from "node:assert/strict";
import { createPolar } from "polar-sdk-1/2026-10";

const { URL: baseUrl, TOKEN: accessToken } = process.env;
const polar = createPolar({ accessToken, baseUrl });
const status = (code) => (error) => error.statusCode === code || error.status === code;

const event = (name, external_customer_id, hour, metadata) => ({
  name,
  external_customer_id,
  timestamp: `2026-06-01T0${hour}:00:00Z`,
  metadata,
});
const sent = [
  event("call", "ada", 8, { n: 5, model: "large" }),
  event("call", "bob", 9, { n: 2.5 }),
  event("page", "ada", 7, { _cost: { amount: 12.5, currency: "usd" } }),
];
assert.equal((await polar.events.ingest({ events: sent })).inserted, 3);

const all = await polar.events.list({});
assert.deepEqual(all.pagination, { total_count: 3, max_page: 1 });
assert.deepEqual(
  all.items.map((item) => [item.name, item.external_customer_id, item.source]),
  [["call", "bob", "user"], ["call", "ada", "user"], ["page", "ada", "user"]],
);
const page = all.items[2];
assert.equal(page.metadata._cost.amount, "12.5");
assert.deepEqual(await polar.events.get(page.id), page);
const ada = await polar.events.list({ external_customer_id: "ada", limit: 1 });
assert.deepEqual(ada.pagination, { total_count: 2, max_page: 2 });
await assert.rejects(polar.events.get("5041180b-748b-4ea6-afce-2e30ea5be902"), status(404));

const names = (await polar.events.listNames({ sorting: ["name"] })).items;
assert.deepEqual(names.map((name) => [name.name, name.occurrences]), [["call", 2], ["page", 1]]);

const clauses = [{ property: "name", operator: "eq", value: "call" }];
const calls = await polar.meters.create({
  name: "Calls",
  filter: { conjunction: "and", clauses },
  aggregation: { func: "sum", property: "n" },
});
const measured = await polar.meters.quantities(calls.id, {
  start_timestamp: "2026-06-01T00:00:00Z",
  end_timestamp: "2026-06-02T23:00:00Z",
  interval: "day",
});
assert.deepEqual(measured.quantities.map((each) => each.quantity), [7.5, 0]);
assert.equal(measured.total, 7.5);
