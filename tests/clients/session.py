"""A session of redis-py with a running server, over RESP2, RESP3 or in cluster mode.

Takes the mode as its argument, the server from HOST, PORT and TOKEN. Ends with 0 when every answer
was the promised one, else names the first that was not.
"""

import json
import os
import sys

import redis

HOST, PORT, TOKEN = os.environ["HOST"], int(os.environ["PORT"]), os.environ["TOKEN"]
MODE = sys.argv[1]
OPTIONS = {"host": HOST, "port": PORT, "decode_responses": True}


def check(what, found, expected):
    if found != expected:
        sys.exit(f"redis-py {MODE}: {what}: {found!r} instead of {expected!r}")


def connect(**more):
    options = OPTIONS | {"username": "default", "password": TOKEN} | more
    if MODE == "cluster":
        return redis.cluster.RedisCluster(**options)
    return redis.Redis(protocol=int(MODE.removeprefix("resp")), **options)


client = connect()


def call(*words):
    """A command whose first argument is a customer, or that names none."""
    keyless = words[0] in ("METER", "INGEST", "TOKEN", "SNAPSHOT", "FROBNICATE")
    if MODE == "cluster" and keyless:
        return client.execute_command(*words, target_nodes=client.get_random_node())
    return client.execute_command(*words)


def refusal(*words):
    """The error that the command ends with."""
    try:
        found = call(*words)
    except redis.exceptions.ResponseError as error:
        return str(error)
    sys.exit(f"redis-py {MODE}: {words}: {found!r} instead of an error")


def as_map(reply):
    """A map of RESP3, or the flat array that stands for it in RESP2."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2], strict=True))


def raises(kind, work):
    try:
        found = work()
    except kind:
        return
    sys.exit(f"redis-py {MODE}: {found!r} instead of {kind.__name__}")


def strangers():
    """Without a token, or with a wrong one, nothing is answered."""
    unauthenticated = redis.exceptions.AuthenticationError
    protocol = 3 if MODE == "resp3" else 2
    stranger = redis.Redis(protocol=protocol, **OPTIONS)
    raises(unauthenticated, lambda: stranger.execute_command("BALANCE", "ada", "tokens"))
    liar = redis.Redis(protocol=protocol, username="default", password="wrong", **OPTIONS)
    raises(unauthenticated, liar.ping)


def meters():
    meter = call("METER", "CREATE", "tokens")
    check("a meter's id", len(meter), 36)
    check("the same meter", call("METER", "CREATE", "tokens"), meter)
    check("another", call("METER", "CREATE", "calls", "EVENT", "call", "SUM", "n") == meter, False)
    conflict = refusal("METER", "CREATE", "tokens", "SUM", "n")
    check("another definition", conflict.split()[0], "CONFLICT")


def balances():
    check("unknown", call("BALANCE", "nobody", "tokens"), "0")
    check("grant", call("GRANT", "ada", "tokens", "100", "ID", "g1"), ["applied", "100"])
    check("again", call("GRANT", "ada", "tokens", "100", "ID", "g1"), ["duplicate", "100"])
    conflict = refusal("GRANT", "ada", "tokens", "50", "ID", "g1")
    check("another body", conflict.split()[0], "CONFLICT")
    check("use", call("USE", "ada", "tokens", "2.50"), ["applied", "97.5"])
    check("debit", call("DEBIT", "ada", "tokens", "97.5", "ID", "d1"), ["applied", "0"])
    check("uncovered", call("DEBIT", "ada", "tokens", "1", "ID", "d2"), ["refused", "0"])
    check("again", call("DEBIT", "ada", "tokens", "1", "ID", "d2"), ["duplicate-refused", "0"])
    check("again", call("DEBIT", "ada", "tokens", "97.5", "ID", "d1"), ["duplicate", "0"])
    check("overage", call("USE", "ada", "tokens", "15"), ["applied", "-15"])
    check("balance", call("BALANCE", "ada", "tokens"), "-15")
    check("lower case", call("balance", "ada", "tokens"), "-15")


def grants():
    terms = ("ID", "g2", "PRIORITY", "5", "EXPIRES", "2999-01-01T00:00:00Z")
    check("expiring", call("GRANT", "ada", "tokens", "40", *terms), ["applied", "25"])
    found = [as_map(grant) for grant in call("GRANTS", "ada", "tokens")]
    mine = [grant for grant in found if grant["amount"] == "40"]
    check("its grants", len(mine), 1)
    check("drawn", (mine[0]["drawn"], int(mine[0]["priority"])), ("15", 5))
    check("void", call("VOID", "ada", "tokens", "g2", "ID", "v1"), ["applied", "0"])
    check("again", call("VOID", "ada", "tokens", "g2", "ID", "v1"), ["duplicate", "0"])
    check("twice", call("VOID", "ada", "tokens", "g2"), ["refused", "0"])
    state = {meter: as_map(rest) for meter, rest in as_map(call("STATE", "ada")).items()}
    check("state", state["tokens"]["balance"], "0")
    check("credited", state["tokens"]["credited"], state["tokens"]["consumed"])


def events():
    event = {
        "name": "call",
        "external_customer_id": "bob",
        "external_id": "e1",
        "metadata": {"n": 3},
    }
    other = event | {"external_id": "e2", "metadata": {"n": 0.5}}
    check("events", call("INGEST", json.dumps(event), json.dumps(other)), [2, 0])
    check("again", call("INGEST", json.dumps(event)), [0, 1])
    check("by event", call("BALANCE", "bob", "calls"), "-3.5")
    check("no JSON", refusal("INGEST", "{").split()[0], "BADARG")
    nameless = json.dumps({"external_customer_id": "bob"})
    check("all or nothing", refusal("INGEST", json.dumps(event), nameless).split()[0], "BADARG")


def mistakes():
    for words in (
        ("USE", "ada", "no-such-meter", "1"),
        ("USE", "ada", "tokens", "many"),
        ("USE", "ada", "tokens", "-1"),
        ("USE", "ada", "tokens", "1" * 29),
        ("USE", "ada", "tokens", "1", "ID", ""),
        ("USE", "ada", "tokens", "1", "ID", "k" * 257),
        ("USE", "ada", "tokens", "1", "COLOUR", "red"),
        ("GRANT", "ada", "tokens", "0"),
        ("GRANT", "ada", "tokens", "1", "EXPIRES", "soon"),
    ):
        check(f"{words}", refusal(*words).split()[0], "BADARG")
    check("unknown", "unknown command" in refusal("FROBNICATE", "x").lower(), True)
    check("arity", "wrong number of arguments" in refusal("BALANCE", "ada").lower(), True)
    check("nothing changed", call("BALANCE", "ada", "tokens"), "0")


def pipelines():
    if MODE == "cluster":
        return
    with client.pipeline(transaction=False) as pipeline:
        for place in range(500):
            pipeline.execute_command("USE", "eve", "tokens", "1", "ID", f"p{place}")
            pipeline.execute_command("BALANCE", "eve", "tokens")
        replies = pipeline.execute()
    expected = [[["applied", str(-n)], str(-n)] for n in range(1, 501)]
    check("in order", [replies[n : n + 2] for n in range(0, 1000, 2)], expected)


def scopes():
    _, reader = call("TOKEN", "CREATE", "default", "read")
    reading = redis.Redis(username="default", password=reader, **OPTIONS)
    check("a reader", reading.execute_command("BALANCE", "ada", "tokens"), "0")
    write = lambda: reading.execute_command("USE", "ada", "tokens", "1")
    raises(redis.exceptions.NoPermissionError, write)


check("ping", client.ping(), True)
for part in (strangers, meters, balances, grants, events, mistakes, pipelines, scopes):
    part()
client.close()
