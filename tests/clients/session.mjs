// A session of ioredis or node-redis with a running server, plain or in cluster mode.
//
// Takes the client as its argument, the server from HOST, PORT and TOKEN. Ends with 0 when every
// answer was the promised one, else names the first that was not.

import assert from "node:assert/strict";

const { HOST: host, PORT, TOKEN: password } = process.env;
const port = Number(PORT);
const username = "default";
const mode = process.argv[2];

// Each client as { call(...words), stop() }.
const clients = {
  async ioredis() {
    const { Redis } = await import("ioredis");
    const client = new Redis({ host, port, username, password });
    return { call: (...words) => client.call(...words), stop: () => client.quit() };
  },
  async "ioredis-cluster"() {
    const { Cluster } = await import("ioredis");
    const client = new Cluster([{ host, port }], { redisOptions: { username, password } });
    return { call: (...words) => client.call(...words), stop: () => client.quit() };
  },
  async "node-redis"() {
    const { createClient } = await import("redis");
    const client = createClient({ socket: { host, port }, username, password });
    client.on("error", () => {});
    await client.connect();
    return { call: (...words) => client.sendCommand(words), stop: () => client.close() };
  },
  async "node-redis-resp2"() {
    const { createClient } = await import("redis");
    const client = createClient({ socket: { host, port }, username, password, RESP: 2 });
    client.on("error", () => {});
    await client.connect();
    return { call: (...words) => client.sendCommand(words), stop: () => client.close() };
  },
};

// A client without a token: what its first command ends with.
async function strangersError() {
  if (mode.startsWith("ioredis")) {
    const { Redis } = await import("ioredis");
    const stranger = new Redis({ host, port, lazyConnect: true, retryStrategy: null });
    stranger.on("error", () => {});
    try {
      return await failing(() => stranger.call("BALANCE", "ada", "tokens"));
    } finally {
      stranger.disconnect();
    }
  }
  const { createClient } = await import("redis");
  const stranger = createClient({ socket: { host, port, reconnectStrategy: false } });
  stranger.on("error", () => {});
  try {
    return await failing(async () => {
      await stranger.connect();
      await stranger.sendCommand(["BALANCE", "ada", "tokens"]);
    });
  } finally {
    if (stranger.isOpen) stranger.destroy();
  }
}

async function failing(work) {
  let answer;
  try {
    answer = await work();
  } catch (error) {
    return error.message;
  }
  assert.fail(`${JSON.stringify(answer)} instead of an error`);
}

// A map of RESP3, or the flat array that stands for it in RESP2.
function asObject(reply) {
  if (reply instanceof Map) return Object.fromEntries(reply);
  if (!Array.isArray(reply)) return reply;
  const pairs = [];
  for (let place = 0; place < reply.length; place += 2) {
    pairs.push([reply[place], reply[place + 1]]);
  }
  return Object.fromEntries(pairs);
}

const { call, stop } = await clients[mode]();

async function answers(words, expected) {
  assert.deepEqual(await call(...words), expected, words.join(" "));
}

async function errs(words, pattern) {
  assert.match(await failing(() => call(...words)), pattern, words.join(" "));
}

assert.match(await strangersError(), /NOAUTH/);

const meter = await call("METER", "CREATE", "tokens");
assert.equal(meter.length, 36);
await answers(["METER", "CREATE", "tokens"], meter);
await call("METER", "CREATE", "calls", "EVENT", "call", "SUM", "n");
await errs(["METER", "CREATE", "tokens", "SUM", "n"], /^CONFLICT/);

await answers(["BALANCE", "nobody", "tokens"], "0");
await answers(["GRANT", "ada", "tokens", "100", "ID", "g1"], ["applied", "100"]);
await answers(["GRANT", "ada", "tokens", "100", "ID", "g1"], ["duplicate", "100"]);
await errs(["GRANT", "ada", "tokens", "50", "ID", "g1"], /^CONFLICT/);
await answers(["USE", "ada", "tokens", "2.50"], ["applied", "97.5"]);
await answers(["DEBIT", "ada", "tokens", "97.5", "ID", "d1"], ["applied", "0"]);
await answers(["DEBIT", "ada", "tokens", "1", "ID", "d2"], ["refused", "0"]);
await answers(["DEBIT", "ada", "tokens", "1", "ID", "d2"], ["duplicate-refused", "0"]);
await answers(["USE", "ada", "tokens", "15"], ["applied", "-15"]);

const terms = ["ID", "g2", "PRIORITY", "5", "EXPIRES", "2999-01-01T00:00:00Z"];
await answers(["GRANT", "ada", "tokens", "40", ...terms], ["applied", "25"]);
const grants = (await call("GRANTS", "ada", "tokens")).map(asObject);
const mine = grants.filter((grant) => grant.amount === "40");
assert.equal(mine.length, 1);
assert.equal(mine[0].drawn, "15");
assert.equal(Number(mine[0].priority), 5);
await answers(["VOID", "ada", "tokens", "g2", "ID", "v1"], ["applied", "0"]);
await answers(["VOID", "ada", "tokens", "g2", "ID", "v1"], ["duplicate", "0"]);
const state = asObject(await call("STATE", "ada"));
assert.equal(asObject(state.tokens).balance, "0");

const event = JSON.stringify({
  name: "call",
  external_customer_id: "bob",
  external_id: "e1",
  metadata: { n: 3 },
});
await answers(["INGEST", event], [1, 0]);
await answers(["INGEST", event], [0, 1]);
await answers(["BALANCE", "bob", "calls"], "-3");

await errs(["INGEST", "{"], /^BADARG/);
await errs(["USE", "ada", "no-such-meter", "1"], /^BADARG/);
await errs(["USE", "ada", "tokens", "many"], /^BADARG/);
await errs(["GRANT", "ada", "tokens", "0"], /^BADARG/);
await errs(["FROBNICATE", "x"], /^ERR unknown command/i);
await errs(["BALANCE", "ada"], /wrong number of arguments/i);
await answers(["BALANCE", "ada", "tokens"], "0");

// Many at a time on one connection: answered in order.
const uses = Array.from({ length: 300 }, (_, place) =>
  call("USE", "eve", "tokens", "1", "ID", `p${place}`),
);
const balances = (await Promise.all(uses)).map(([verdict, balance]) => `${verdict} ${balance}`);
assert.deepEqual(balances, Array.from({ length: 300 }, (_, place) => `applied ${-place - 1}`));

await stop();
