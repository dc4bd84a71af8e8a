#!/usr/bin/env bash
# A session of redis-cli, and a run of redis-benchmark, with a running server. Takes the server from
# HOST, PORT and TOKEN. Ends with 0 when every answer was the promised one.
set -euo pipefail

ask() {
    redis-cli -h "$HOST" -p "$PORT" --user default --pass "$TOKEN" --no-auth-warning "$@"
}

# check EXPECTED WORDS...: a reply's elements stand on lines of their own.
check() {
    local expected=$1 found
    shift
    found=$(ask "$@" | tr '\n' ' ')
    if [[ "${found% }" != "$expected" ]]; then
        echo "redis-cli: $*: '${found% }' instead of '$expected'" >&2
        exit 1
    fi
}

# refused CODE WORDS...: the reply is an error with this code.
refused() {
    local code=$1 found
    shift
    found=$(ask "$@" 2>&1 || true)
    if [[ "$found" != "$code "* ]]; then
        echo "redis-cli: $*: '$found' instead of an error $code" >&2
        exit 1
    fi
}

stranger=$(redis-cli -h "$HOST" -p "$PORT" BALANCE ada tokens 2>&1 || true)
[[ "$stranger" == NOAUTH* ]] || { echo "a stranger got '$stranger'" >&2; exit 1; }
wrong=$(redis-cli -h "$HOST" -p "$PORT" --user default --pass wrong PING 2>&1 || true)
[[ "$wrong" == *WRONGPASS* ]] || { echo "a wrong token got '$wrong'" >&2; exit 1; }

check PONG PING
check hello ECHO hello
check OK SELECT 0

meter=$(ask METER CREATE tokens)
[[ ${#meter} == 36 ]] || { echo "a meter's id is '$meter'" >&2; exit 1; }
check "$meter" METER CREATE tokens
refused CONFLICT METER CREATE tokens SUM n
ask METER CREATE calls EVENT call SUM n >/dev/null

check 0 BALANCE nobody tokens
check "applied 100" GRANT ada tokens 100 ID g1
check "duplicate 100" GRANT ada tokens 100 ID g1
refused CONFLICT GRANT ada tokens 50 ID g1
check "applied 97.5" USE ada tokens 2.50
check "applied 0" DEBIT ada tokens 97.5 ID d1
check "refused 0" DEBIT ada tokens 1 ID d2
check "duplicate-refused 0" DEBIT ada tokens 1 ID d2
check "applied -15" use ada tokens 15
check "applied 25" GRANT ada tokens 40 ID g2 PRIORITY 5 EXPIRES 2999-01-01T00:00:00Z
ask GRANTS ada tokens | grep -qx 40
check "applied 0" VOID ada tokens g2 ID v1
check "duplicate 0" VOID ada tokens g2 ID v1
ask STATE ada | grep -qx tokens

event='{"name":"call","external_customer_id":"bob","external_id":"e1","metadata":{"n":3}}'
check "1 0" INGEST "$event"
check "0 1" INGEST "$event"
check -3 BALANCE bob calls

# The newer protocol, on a connection that asks for it.
check "applied -1" -3 USE carol tokens 1
ask -3 STATE carol | grep -q tokens

refused BADARG INGEST "{"
refused BADARG USE ada no-such-meter 1
refused BADARG USE ada tokens many
refused BADARG GRANT ada tokens 0
refused ERR FROBNICATE x
refused ERR BALANCE ada
check 0 BALANCE ada tokens

# Commands from a pipe share one connection.
piped=$(printf 'USE dave tokens 1\nUSE dave tokens 1\nBALANCE dave tokens\n' | ask | tr '\n' ' ')
[[ "${piped% }" == "applied -1 applied -2 -2" ]] || { echo "piped: '$piped'" >&2; exit 1; }

redis-benchmark -h "$HOST" -p "$PORT" --user default -a "$TOKEN" \
    -n 2000 -c 8 -P 16 -q USE mallory tokens 1 >/dev/null
check -2000 BALANCE mallory tokens
