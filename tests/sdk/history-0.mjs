// Retained events and quantities, read with Polar's JavaScript SDK 0.49, which checks every field.
//
// Takes the server from URL and TOKEN. Ends with 0 when every answer was the promised one, else
// names the first that was not.

import assert from "node:assert/strict";
import { Polar } from "polar-sdk-0";

const { URL: serverURL, TOKEN: accessToken } = process.env;
const polar = new Polar({ accessToken, serverURL });
const status = (code) => (error) => error.statusCode === code;
const at = (hour) => new Date(Date.UTC(2026, 5, 1, hour));

const event = (name, externalCustomerId, hour, metadata) => ({
  name,
  externalCustomerId,
  timestamp: at(hour),
  metadata,
});
const sent = [
  event("call", "ada", 8, { n: 5, model: "large" }),
  event("call", "bob", 9, { n: 2.5 }),
  event("page", "ada", 7, { _cost: { amount: 12.5, currency: "usd" } }),
];
assert.equal((await polar.events.ingest({ events: sent })).inserted, 3);

const items = async (request) => (await polar.events.list(request)).items;
const all = await items({});
assert.deepEqual(
  all.map((item) => [item.name, item.externalCustomerId, item.source]),
  [["call", "bob", "user"], ["call", "ada", "user"], ["page", "ada", "user"]],
);
const page = all[2];
assert.equal(page.timestamp.getTime(), at(7).getTime());
assert.deepEqual(await polar.events.get({ id: page.id }), page);
assert.deepEqual((await items({ externalCustomerId: "ada" })).map((item) => item.name), ["call", "page"]);
assert.equal((await items({ name: ["call"], limit: 1 })).length, 1);
assert.equal((await items({ startTimestamp: at(8) })).length, 2);
await assert.rejects(polar.events.get({ id: "5041180b-748b-4ea6-afce-2e30ea5be902" }), status(404));

const names = (await polar.events.listNames({ sorting: ["name"] })).result.items;
assert.deepEqual(names.map((name) => [name.name, name.occurrences]), [["call", 2], ["page", 1]]);

const clauses = [{ property: "name", operator: "eq", value: "call" }];
const calls = await polar.meters.create({
  name: "Calls",
  filter: { conjunction: "and", clauses },
  aggregation: { func: "sum", property: "n" },
});
const measured = await polar.meters.quantities({
  id: calls.id,
  startTimestamp: at(0),
  endTimestamp: at(47),
  interval: "day",
});
assert.deepEqual(measured.quantities.map((each) => each.quantity), [7.5, 0]);
assert.equal(measured.total, 7.5);
