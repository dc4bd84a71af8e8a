//! What a client may not do: it is told so by name, and nothing has changed.

use drawdown::catalog::CatalogEdit;
use drawdown::catalog::Edit;
use drawdown::catalog::MeterPatch;
use drawdown::catalog::Standing;
use drawdown::data_dir::DataDir;
use drawdown::engine::offline;
use drawdown::id::MeterNumber;
use drawdown::resp::client::Reply;
use tempfile::TempDir;

use crate::caller::Caller;
use crate::caller::command;
use crate::server::Options;
use crate::server::Server;

/// A server with the meter `tokens`, and `ada` with 100 of them, of which 2.5 are used.
fn server_with_ada(temp: &TempDir, flags: &[&str]) -> (Server, Caller) {
    let options = Options::on(&temp.path().join("data")).with(&["--shards", "2"]).with(flags);
    let server = options.start();
    let mut caller = Caller::of(&server);
    assert_eq!(caller.says("METER CREATE tokens").len(), 36);
    assert_eq!(caller.says("GRANT ada tokens 100 ID g1"), "applied 100");
    assert_eq!(caller.says("USE ada tokens 2.5 ID u1"), "applied 97.5");
    (server, caller)
}

const ADA: &str = "tokens balance 97.5 credited 100 consumed 2.5";

#[test]
fn bad_input_is_named_and_changes_nothing() {
    let temp = TempDir::new().unwrap();
    let (_server, mut caller) = server_with_ada(&temp, &[]);
    let long = "9".repeat(29);
    let (name, key) = ("n".repeat(257), "k".repeat(257));
    let bad: &[(&[&str], &str)] = &[
        (&["USE", "ada", "nothing", "1", "ID", "x"], "-BADARG unknown meter"),
        (&["BALANCE", "ada", ""], "-BADARG unknown meter"),
        (&["USE", "ada", "tokens", "many", "ID", "x"], "-BADARG units: not a decimal number"),
        (&["USE", "ada", "tokens", "", "ID", "x"], "-BADARG units: not a decimal number"),
        (&["USE", "ada", "tokens", "NaN", "ID", "x"], "-BADARG units: not a decimal number"),
        (&["USE", "ada", "tokens", "0x10", "ID", "x"], "-BADARG units: not a decimal number"),
        (&["USE", "ada", "tokens", &long, "ID", "x"], "-BADARG units: more than 28 digits"),
        (&["USE", "ada", "tokens", "1e400", "ID", "x"], "-BADARG units: more than 28 digits"),
        (&["USE", "ada", "tokens", "-1", "ID", "x"], "-BADARG units: below zero"),
        (&["DEBIT", "ada", "tokens", "-1", "ID", "x"], "-BADARG units: below zero"),
        (&["GRANT", "ada", "tokens", "0", "ID", "x"], "-BADARG units: zero"),
        (&["GRANT", "ada", "tokens", "-5", "ID", "x"], "-BADARG units: below zero"),
        (&["USE", "ada", "tokens", "1", "ID", ""], "-BADARG ID: empty"),
        (&["USE", "ada", "tokens", "1", "ID", &key], "-BADARG ID: more than 256 bytes"),
        (&["USE", "ada", "tokens", "1", "ID"], "-BADARG ID: no value given"),
        (&["USE", "ada", "tokens", "1", "ID", "x", "ID", "y"], "-BADARG ID: given more than once"),
        (&["USE", "", "tokens", "1", "ID", "x"], "-BADARG customer: empty"),
        (&["USE", &name, "tokens", "1", "ID", "x"], "-BADARG customer: more than 256 bytes"),
        (&["USE", "a\0da", "tokens", "1", "ID", "x"], "-BADARG customer: contains NUL"),
        (&["USE", "ada", "tokens", "1", "COLOUR", "red"], "-BADARG unknown option 'COLOUR'"),
        (&["USE", "ada", "tokens", "1", "AT", "soon", "ID", "x"], "-BADARG AT: "),
        (&["USE", "ada", "tokens", "1", "AT", "2999-01-01T00:00:00Z", "ID", "x"], "-BADARG "),
        (&["GRANT", "ada", "tokens", "1", "EXPIRES", "0", "ID", "x"], "-BADARG expiry"),
        (&["GRANT", "ada", "tokens", "1", "PRIORITY", "high", "ID", "x"], "-BADARG PRIORITY: not"),
        (&["GRANT", "ada", "tokens", "1", "PRIORITY", "9999999999"], "-BADARG PRIORITY: not"),
        (&["VOID", "ada", "tokens", ""], "-BADARG "),
        (&["METER", "CREATE", ""], "-BADARG "),
        (&["METER", "CREATE", "m", "SUM", ""], "-BADARG "),
        (&["METER", "CREATE", "tokens", "SUM", "n"], "-CONFLICT "),
        (&["METER", "CREATE", "tokens", "EVENT", "other"], "-CONFLICT "),
        (&["INGEST", "{"], "-BADARG event 0: "),
        (&["INGEST", r#"{"name":"tokens"}"#], "-BADARG event 0: "),
        (&["TOKEN", "CREATE", "default", "emperor"], "-BADARG scope"),
        (&["TOKEN", "REVOKE", "nobody"], "-BADARG unknown token"),
        (&["FROBNICATE", "x"], "-ERR unknown command 'FROBNICATE'"),
        (&["CONFIG", "SET", "save", ""], "-ERR unknown subcommand of 'config' 'SET'"),
        (&["USE", "ada", "tokens"], "-ERR wrong number of arguments for 'use' command"),
        (&["BALANCE", "ada"], "-ERR wrong number of arguments for 'balance' command"),
        (&["SNAPSHOT", "now"], "-ERR wrong number of arguments for 'snapshot' command"),
        (&["GRANT", "ada", "tokens", "99", "ID", "g1"], "-CONFLICT key used with another body"),
        (&["GRANT", "ada", "tokens", "100", "ID", "u1"], "-CONFLICT key used with another body"),
        (&["USE", "ada", "tokens", "2.6", "ID", "u1"], "-CONFLICT key used with another body"),
        (&["DEBIT", "ada", "tokens", "2.5", "ID", "u1"], "-CONFLICT key used with another body"),
    ];
    for (words, expected) in bad {
        let said = caller.asks(words);
        assert!(said.starts_with(expected), "{words:?}: {said:?} instead of {expected:?}");
        assert_eq!(caller.says("STATE ada"), ADA, "after {words:?}");
    }
    assert_eq!(caller.asks(&["STATE", "new"]), "");
    // None of them took its key.
    assert_eq!(caller.says("USE ada tokens 1 ID x"), "applied 96.5");
}

#[test]
fn an_overflow_changes_nothing_and_takes_no_key() {
    let temp = TempDir::new().unwrap();
    let (server, mut caller) = server_with_ada(&temp, &[]);
    let most = "9".repeat(28);
    assert_eq!(caller.says(&format!("GRANT eve tokens {most} ID g1")), format!("applied {most}"));
    let before = caller.says("STATE eve");
    for line in [
        format!("GRANT eve tokens {most} ID g2"),
        "GRANT eve tokens 0.1 ID g2".to_owned(),
        "USE eve tokens 0.0000000000000000000000000001 ID g2".to_owned(),
    ] {
        let said = caller.says(&line);
        assert!(said.starts_with("-OVERFLOW "), "{line}: {said}");
        assert_eq!(caller.says("STATE eve"), before, "after {line}");
    }
    // What overflowed is in the journal: read back, it must overflow again.
    let server = server.kill().start();
    let mut caller = Caller::of(&server);
    assert_eq!(caller.says("STATE eve"), before);
    let rest = format!("{}8", "9".repeat(27));
    assert_eq!(caller.says("DEBIT eve tokens 1 ID g2"), format!("applied {rest}"));
    assert_eq!(caller.says("STATE ada"), ADA);
}

#[test]
fn nobody_does_more_than_its_token_allows() {
    let temp = TempDir::new().unwrap();
    let (server, mut caller) = server_with_ada(&temp, &[]);
    let mut make = |organization: &str, scope: &str| {
        let made = caller.says(&format!("TOKEN CREATE {organization} {scope}"));
        made.split(' ').nth(1).unwrap().to_owned()
    };
    let tokens = [
        make("default", "read"),
        make("default", "ingest"),
        make("default", "admin"),
        make("other", "admin"),
        make("default", "Events:Write,customer_meters:read"),
    ];
    let reads = ["BALANCE ada tokens", "GRANTS ada tokens", "STATE ada", "ECHO x", "INFO"];
    let writes = ["USE ada tokens 0", "DEBIT ada tokens 0", "VOID ada tokens none"];
    let rules = ["METER CREATE tokens", "SNAPSHOT", "TOKEN LIST"];
    let mut stranger = Caller::stranger(server.resp);
    for line in reads.iter().chain(&writes).chain(&rules) {
        assert!(stranger.says(line).starts_with("-NOAUTH "), "{line}");
    }
    assert!(stranger.says("AUTH wrong").starts_with("-WRONGPASS "));
    assert!(stranger.says("HELLO 3").starts_with("-NOAUTH "));
    assert!(stranger.says("HELLO 3 AUTH default wrong").starts_with("-WRONGPASS "));
    assert!(stranger.says("BALANCE ada tokens").starts_with("-NOAUTH "));
    let allowed = |token: &str, lines: &[&str]| {
        let mut caller = Caller::with_token(server.resp, token);
        let denied = lines.iter().filter(|line| caller.says(line).starts_with("-NOPERM "));
        match denied.count() {
            0 => true,
            count if count == lines.len() => false,
            _ => panic!("some of {lines:?} are denied"),
        }
    };
    let [read, ingest, admin, other, polars] = &tokens;
    // Scopes of Polar's open its API, not these commands.
    assert_eq!(
        [&reads, &writes[..], &rules].map(|lines| allowed(polars, lines)),
        [false, false, false]
    );
    assert!(caller.says("TOKEN LIST").contains("scope events:write,customer_meters:read"));
    assert_eq!(
        [&reads, &writes[..], &rules].map(|lines| allowed(read, lines)),
        [true, false, false]
    );
    assert_eq!(
        [&reads, &writes[..], &rules].map(|lines| allowed(ingest, lines)),
        [true, true, false]
    );
    assert_eq!([&reads, &writes[..], &rules].map(|lines| allowed(admin, lines)), [true; 3]);
    // Another organization has no such meter and no such customer, until it makes its own.
    let mut other = Caller::with_token(server.resp, other);
    assert_eq!(other.says("STATE ada"), "");
    assert_eq!(other.says("METER CREATE mine").len(), 36);
    assert_eq!(other.says("USE ada mine 1"), "applied -1");
    assert!(other.says("BALANCE ada tokens").starts_with("-BADARG unknown meter"));
    assert!(other.says("TOKEN CREATE default admin").starts_with("-NOPERM "));
    assert_eq!(caller.says("STATE ada"), ADA);
}

#[test]
fn what_is_piped_ahead_of_another_token_belongs_to_the_first() {
    let temp = TempDir::new().unwrap();
    let (server, mut caller) = server_with_ada(&temp, &[]);
    let made = caller.says("TOKEN CREATE other admin");
    let other = made.split(' ').nth(1).unwrap();
    let first = server.token();
    let mut others = Caller::with_token(server.resp, other);
    assert_eq!(others.says("METER CREATE tokens").len(), 36);
    assert_eq!(others.says("USE ada tokens 1"), "applied -1");
    let theirs = "tokens balance -1 credited 0 consumed 1";
    // Organizations have different customers of the same name, and RESET must not open the first's.
    let piped = ["STATE ada", "RESET", "STATE ada"];
    let said = others.pipeline(piped.into_iter());
    assert_eq!(said, [theirs, "RESET", "-NOAUTH Authentication required."]);
    let lines = [
        format!("AUTH {other}"),
        "USE ada tokens 0".to_owned(),
        "STATE ada".to_owned(),
        format!("AUTH {first}"),
        "STATE ada".to_owned(),
        "USE ada tokens 0".to_owned(),
        format!("HELLO 2 AUTH default {other}"),
        "BALANCE ada tokens".to_owned(),
    ];
    let said = others.pipeline(lines.iter().map(String::as_str));
    assert_eq!(said[..6], ["OK", "applied -1", theirs, "OK", ADA, "applied 97.5"]);
    assert_eq!(said[7], "-1");
}

#[test]
fn what_is_piped_ahead_of_another_protocol_is_answered_in_the_first() {
    let temp = TempDir::new().unwrap();
    let (_server, mut caller) = server_with_ada(&temp, &[]);
    let lines = ["STATE ada", "HELLO 3", "STATE ada", "HELLO 2", "STATE ada"];
    let bytes = lines.map(|line| command(&line.split(' ').collect::<Vec<_>>())).concat();
    caller.send(&bytes).unwrap();
    let replies: Vec<Reply> = (0..5).map(|_| caller.reply().unwrap()).collect();
    let maps: Vec<bool> = replies.iter().map(|reply| matches!(reply, Reply::Map(_))).collect();
    assert_eq!(maps, [false, true, true, false, false]);
}

#[test]
fn a_token_that_is_revoked_opens_nothing_any_more() {
    let temp = TempDir::new().unwrap();
    let (server, mut caller) = server_with_ada(&temp, &[]);
    let made = caller.says("TOKEN CREATE default read");
    let (id, token) = made.split_once(' ').unwrap();
    let mut reader = Caller::with_token(server.resp, token);
    assert_eq!(reader.says("BALANCE ada tokens"), "97.5");
    assert_eq!(caller.says(&format!("TOKEN REVOKE {id}")), "OK");
    assert!(reader.says("BALANCE ada tokens").starts_with("-NOAUTH "));
    assert!(reader.says(&format!("AUTH {token}")).starts_with("-WRONGPASS "));
}

#[test]
fn what_is_no_command_closes_the_connection() {
    let temp = TempDir::new().unwrap();
    let (server, mut caller) = server_with_ada(&temp, &[]);
    let nine: Vec<&str> = vec!["PING"; 9];
    let long = "x".repeat(2_048);
    let strange: &[(&[u8], &str)] = &[
        (&command(&nine), "-ERR Protocol error: more than 8 arguments"),
        (&command(&["ECHO", &long]), "-ERR Protocol error: bulk string of more than 1024 bytes"),
        (b"*2\r\n$4\r\nECHO\r\n*1\r\n$1\r\nx\r\n", "-ERR Protocol error: nested array"),
        (b"*1\r\n*1\r\n*1\r\n*1\r\n$4\r\nPING\r\n", "-ERR Protocol error: nested array"),
        (b"*99999999999\r\n", "-ERR Protocol error: invalid length"),
        (b"*-5\r\n", "-ERR Protocol error: invalid length"),
        (b"*1\r\n$-1\r\n", "-ERR Protocol error: invalid length"),
        (b"*1\r\n$4\r\nPINGPONG", "-ERR Protocol error: expected a line end"),
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", "-ERR Protocol error: expected '*', got 'G'"),
        (b"\x16\x03\x01\x02\x00\x01", "-ERR Protocol error: expected '*'"),
    ];
    for (bytes, expected) in strange {
        let mut stranger = Caller::stranger(server.resp);
        stranger.send(bytes).unwrap();
        let said = stranger.last_words();
        assert!(said.starts_with(expected), "{}: {said:?}", bytes.escape_ascii());
    }
    // With a token there is more room, and what was asked before the nonsense is answered.
    let mut known = Caller::of(&server);
    assert_eq!(known.asks(&["ECHO", &long]), long);
    let mut bytes = command(&["USE", "ada", "tokens", "0.5"]);
    bytes.extend_from_slice(b"*1\r\n*0\r\n");
    known.send(&bytes).unwrap();
    assert_eq!(known.answer(), "applied 97");
    assert!(known.last_words().starts_with("-ERR Protocol error: nested array"));
    assert_eq!(caller.says("BALANCE ada tokens"), "97");
}

#[test]
fn connections_beyond_the_limit_are_told_so() {
    let temp = TempDir::new().unwrap();
    let (server, mut first) = server_with_ada(&temp, &["--connections-max", "3"]);
    let mut second = Caller::of(&server);
    let third = Caller::of(&server);
    for _ in 0..5 {
        let mut fourth = Caller::stranger(server.resp);
        assert_eq!(fourth.last_words(), "-ERR max number of clients reached");
    }
    assert_eq!(first.says("BALANCE ada tokens"), "97.5");
    assert_eq!(second.says("BALANCE ada tokens"), "97.5");
    drop(third);
    // The server sees the end of the third when its arbiter comes to it.
    let admitted = (0..1_000).any(|_| {
        let mut next = Caller::stranger(server.resp);
        next.send(&command(&["PING"])).is_ok()
            && next.reply().is_ok_and(|said| crate::caller::text(&said) == "PONG")
    });
    assert!(admitted, "room that was made is never given away");
}

#[test]
fn an_archived_meter_takes_in_nothing_and_can_be_read() {
    let temp = TempDir::new().unwrap();
    let (server, _) = server_with_ada(&temp, &[]);
    let (status, options) = server.stop();
    assert_eq!(status.code(), Some(0));
    let directory = DataDir::open(&temp.path().join("data")).unwrap();
    let patch = MeterPatch { standing: Edit::To(Standing::Archived), ..MeterPatch::default() };
    let archive = CatalogEdit::MeterPatch(MeterNumber(0), Box::new(patch));
    offline::change_catalog(&directory, archive).unwrap();
    drop(directory);
    let server = options.start();
    let mut caller = Caller::of(&server);
    for line in ["USE ada tokens 1", "DEBIT ada tokens 1", "GRANT ada tokens 1"] {
        assert!(caller.says(line).starts_with("-BADARG this meter is archived"), "{line}");
    }
    let event = r#"{"name":"tokens","external_customer_id":"ada"}"#;
    assert_eq!(caller.asks(&["INGEST", event]), "1 0");
    assert_eq!(caller.says("BALANCE ada tokens"), "97.5");
    assert_eq!(caller.says("VOID ada tokens g1"), "applied 0");
}
