use proptest::prelude::*;

use super::*;
use crate::resp::Arguments;
use crate::resp::Limits;
use crate::resp::client::write_command;
use crate::resp::frame::read_command;
use crate::resp::handshake::COMMANDS;
use crate::resp::reply::write_request_error;

/// The buffer of a command and what became of it.
fn parsed(words: &[&[u8]]) -> (Vec<u8>, Result<Request, RequestError>) {
    let mut buffer = Vec::new();
    write_command(&mut buffer, words);
    let mut arguments = Arguments::new();
    read_command(&buffer, 0, &Limits::AFTER_AUTH, &mut arguments).unwrap();
    let request = parse_request(&buffer, &arguments);
    (buffer, request)
}

fn parse(line: &str) -> (Vec<u8>, Result<Request, RequestError>) {
    let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
    parsed(&words)
}

/// The error reply to a command.
fn refusal(words: &[&[u8]]) -> String {
    let (buffer, request) = parsed(words);
    let mut out = Vec::new();
    write_request_error(&mut out, &buffer, &request.unwrap_err());
    String::from_utf8(out).unwrap().trim_end().to_owned()
}

/// A request with its spans replaced by what they say.
fn told(line: &str) -> String {
    let (buffer, request) = parse(line);
    let mut text = format!("{:?}", request.unwrap());
    while let Some(start) = text.find("Span {") {
        let length = text[start..].find('}').unwrap().saturating_add(1);
        let end = start.saturating_add(length);
        let numbers: Vec<u32> = text[start..end]
            .split(|character: char| !character.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        let span = Span { start: numbers[0], end: numbers[1] };
        let said = String::from_utf8_lossy(span.of(&buffer)).into_owned();
        text.replace_range(start..end, &said);
    }
    text
}

#[test]
fn commands_on_balances() {
    for (line, request) in [
        (
            "USE c1 tokens 1.5",
            "Use { customer: c1, meter: tokens, units: Units(1.5), key: None, at: None }",
        ),
        (
            "use c1 tokens 0 id k1 AT 1000",
            "Use { customer: c1, meter: tokens, units: Units(0), key: Some(k1), at: Some(Timestamp(1000000)) }",
        ),
        (
            "uSe c1 tokens 2 at 1970-01-01T00:00:01Z Id k1",
            "Use { customer: c1, meter: tokens, units: Units(2), key: Some(k1), at: Some(Timestamp(1000000)) }",
        ),
        (
            "DeBiT c1 tokens 1e3 ID k",
            "Debit { customer: c1, meter: tokens, units: Units(1000), key: Some(k) }",
        ),
        (
            "grant c1 tokens 10 priority -3 expires 1000 id g1",
            "Grant { customer: c1, meter: tokens, units: Units(10), key: Some(g1), priority: -3, expires: Some(Timestamp(1000000)) }",
        ),
        (
            "GRANT c1 tokens 10",
            "Grant { customer: c1, meter: tokens, units: Units(10), key: None, priority: 0, expires: None }",
        ),
        ("VOID c1 tokens g1", "Void { customer: c1, meter: tokens, grant_key: g1, key: None }"),
        (
            "VOID c1 tokens g1 id v1",
            "Void { customer: c1, meter: tokens, grant_key: g1, key: Some(v1) }",
        ),
        ("BALANCE c1 tokens", "Balance { customer: c1, meter: tokens }"),
        ("GRANTS c1 tokens", "Grants { customer: c1, meter: tokens }"),
        ("STATE c1", "State { customer: c1 }"),
        ("INGEST {} {}", "Ingest { events: [{}, {}] }"),
    ] {
        assert_eq!(told(line), request, "{line}");
    }
}

#[test]
fn commands_on_meters_and_tokens() {
    for (line, request) in [
        ("METER CREATE calls", "MeterCreate { name: calls, event: None, aggregation: Count }"),
        (
            "meter create calls count event http.call",
            "MeterCreate { name: calls, event: Some(http.call), aggregation: Count }",
        ),
        (
            "METER CREATE tokens EVENT llm SUM tokens.total",
            "MeterCreate { name: tokens, event: Some(llm), aggregation: Sum(tokens.total) }",
        ),
        ("SNAPSHOT", "Snapshot"),
        ("TOKEN CREATE default read", "TokenCreate { organization: default, scope: read }"),
        ("token list", "TokenList"),
        ("TOKEN REVOKE 17", "TokenRevoke { id: 17 }"),
    ] {
        assert_eq!(told(line), request, "{line}");
    }
}

#[test]
fn commands_on_the_connection() {
    for (line, request) in [
        ("HELLO", "Hello { version: None, auth: None, set_name: None }"),
        ("hello 2", "Hello { version: Some(2), auth: None, set_name: None }"),
        (
            "HELLO 3 AUTH me secret SETNAME app",
            "Hello { version: Some(3), auth: Some((me, secret)), set_name: Some(app) }",
        ),
        ("AUTH secret", "Auth { user: None, token: secret }"),
        ("AUTH me secret", "Auth { user: Some(me), token: secret }"),
        ("PING", "Ping(None)"),
        ("ping hi", "Ping(Some(hi))"),
        ("ECHO hi", "Echo(hi)"),
        ("QUIT", "Quit"),
        ("RESET", "Reset"),
        ("SELECT -1", "Select(-1)"),
        ("INFO", "Info([])"),
        ("INFO server clients", "Info([server, clients])"),
        ("CLIENT SETINFO LIB-NAME redis-py", "Client(Harmless)"),
        ("CLIENT SETNAME app", "Client(SetName(app))"),
        ("CLIENT GETNAME", "Client(GetName)"),
        ("CLIENT ID", "Client(Id)"),
        ("CLIENT LIST TYPE normal", "Client(Info)"),
        ("CONFIG GET save", "ConfigGet([save])"),
        ("COMMAND", "Command(Table)"),
        ("command docs", "Command(Docs([]))"),
        ("COMMAND INFO use debit", "Command(Info([use, debit]))"),
        ("COMMAND COUNT", "Command(Count)"),
        ("CLUSTER SLOTS", "Cluster(Slots)"),
        ("cluster keyslot c1", "Cluster(KeySlot(c1))"),
        ("READONLY", "ReadOnly"),
        ("READWRITE", "ReadWrite"),
        ("ASKING", "Asking"),
    ] {
        assert_eq!(told(line), request, "{line}");
    }
}

#[test]
fn bad_arguments_are_refused_by_name() {
    for (line, reply) in [
        ("FLY c1", "-ERR unknown command 'FLY'"),
        ("constantinopolitanisch", "-ERR unknown command 'constantinopolitanisch'"),
        ("METER DROP x", "-ERR unknown subcommand of 'meter' 'DROP'"),
        (
            "CLIENT MAINT_NOTIFICATIONS ON",
            "-ERR unknown subcommand of 'client' 'MAINT_NOTIFICATIONS'",
        ),
        ("CONFIG SET save x", "-ERR unknown subcommand of 'config' 'SET'"),
        ("USE c1 tokens", "-ERR wrong number of arguments for 'use' command"),
        ("METER CREATE", "-ERR wrong number of arguments for 'meter create' command"),
        ("CONFIG GET", "-ERR wrong number of arguments for 'config get' command"),
        ("USE c1 tokens ten", "-BADARG units: not a decimal number"),
        ("USE c1 tokens -1", "-BADARG units: below zero"),
        ("DEBIT c1 tokens 12345678901234567890123456789", "-BADARG units: more than 28 digits"),
        ("GRANT c1 tokens 0", "-BADARG units: zero"),
        ("GRANT c1 tokens -5", "-BADARG units: below zero"),
        ("USE c1 tokens 1 ID", "-BADARG ID: no value given"),
        ("USE c1 tokens 1 ID a ID b", "-BADARG ID: given more than once"),
        ("USE c1 tokens 1 NX", "-BADARG unknown option 'NX'"),
        ("DEBIT c1 tokens 1 AT 1000", "-BADARG unknown option 'AT'"),
        (
            "USE c1 tokens 1 AT noon",
            "-BADARG AT: neither an RFC 3339 time with its offset nor Unix milliseconds",
        ),
        ("GRANT c1 tokens 1 PRIORITY 1.5", "-BADARG PRIORITY: not an integer or out of range"),
        (
            "GRANT c1 tokens 1 PRIORITY 2147483648",
            "-BADARG PRIORITY: not an integer or out of range",
        ),
        ("METER CREATE m COUNT SUM x", "-BADARG aggregation: given more than once"),
        ("METER CREATE m SUM", "-BADARG SUM: no value given"),
        ("SELECT one", "-BADARG database: not an integer or out of range"),
        ("HELLO 4", "-NOPROTO unsupported protocol version"),
        ("HELLO three", "-NOPROTO unsupported protocol version"),
        ("HELLO 3 AUTH me", "-BADARG AUTH: no value given"),
    ] {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        assert_eq!(refusal(&words), reply, "{line}");
    }
}

#[test]
fn ids_and_keys_have_their_bounds() {
    let (longest, longer) = ([b'x'; 256], [b'x'; 257]);
    let use_of = |customer: &[u8], key: &[u8]| {
        parsed(&[b"USE", customer, b"m", b"1", b"ID", key]).1.err().map(|error| error.to_string())
    };
    assert_eq!(use_of(&longest, &longest), None);
    assert_eq!(use_of("Zo\u{eb}".as_bytes(), b"\xff\x00"), None);
    for (customer, key, message) in [
        (b"".as_slice(), b"k".as_slice(), "customer: empty"),
        (&longer, b"k", "customer: more than 256 bytes"),
        (b"a\0b", b"k", "customer: contains NUL"),
        (b"a\xff", b"k", "customer: not UTF-8"),
        (b"c", b"", "ID: empty"),
        (b"c", &longer, "ID: more than 256 bytes"),
    ] {
        assert_eq!(use_of(customer, key).as_deref(), Some(message));
    }
    assert_eq!(refusal(&[b"VOID", b"c", b"m", b""]), "-BADARG key: empty");
}

proptest! {
    #[test]
    fn a_customer_is_text_without_nul(
        mut customer in prop::collection::vec(prop_oneof![9 => 1..0x80_u8, 1 => any::<u8>()], 0..40),
        text in "\\PC{0,12}",
        replaced in any::<bool>(),
    ) {
        if replaced {
            customer = text.into_bytes();
        }
        let valid = !customer.is_empty()
            && !customer.contains(&0)
            && std::str::from_utf8(&customer).is_ok();
        prop_assert_eq!(parsed(&[b"STATE", &customer]).1.is_ok(), valid);
    }
}

#[test]
fn the_table_and_the_parser_agree_on_arity() {
    for row in COMMANDS {
        for count in 1..9_usize {
            let words: Vec<&[u8]> = std::iter::once(row.name.as_bytes())
                .chain(vec![b"1".as_slice(); count - 1])
                .collect();
            let count = i64::try_from(count).unwrap();
            let fits = if row.arity < 0 { count >= -row.arity } else { count == row.arity };
            let refused = matches!(parsed(&words).1, Err(RequestError::Arity(_)));
            if !fits {
                assert!(refused, "{} with {count} words", row.name);
            }
            assert!(
                !matches!(parsed(&words).1, Err(RequestError::UnknownCommand(_))),
                "{} is in the table alone",
                row.name
            );
        }
    }
}

#[test]
fn a_word_that_differs_in_one_bit_is_another_word() {
    for place in 0..3 {
        for bit in 0..8 {
            let mut word = *b"use";
            word[place] ^= 1 << bit;
            let known = word.eq_ignore_ascii_case(b"use");
            let (_, request) = parsed(&[&word, b"c", b"m", b"1"]);
            assert_eq!(request.is_ok(), known, "{}", word.escape_ascii());
        }
    }
}
