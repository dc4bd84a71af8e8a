use redis_protocol::resp2;
use redis_protocol::resp3;
use uuid::Uuid;

use super::*;
use crate::resp::Limits;
use crate::resp::client::Reply;
use crate::resp::client::read_reply;

const BOTH: [Protocol; 2] = [Protocol::Resp2, Protocol::Resp3];

const FACTS: ServerFacts =
    ServerFacts { process_id: 17, port: 6_479, uptime_seconds: 3, connected_clients: 2 };

fn endpoint() -> Endpoint {
    let node_id = NodeId::of_directory(Uuid::from_u128(0xabc));
    Endpoint { ip: [127, 0, 0, 1].into(), port: 6_479, node_id }
}

/// What `write` says, once the oracle has read it too.
fn answer(protocol: Protocol, write: impl FnOnce(&mut Vec<u8>)) -> Reply {
    let mut out = Vec::new();
    write(&mut out);
    let length = match protocol {
        Protocol::Resp2 => resp2::decode::decode(&out).unwrap().unwrap().1,
        Protocol::Resp3 => resp3::decode::complete::decode(&out).unwrap().unwrap().1,
    };
    assert_eq!(length, out.len());
    let (reply, next) = read_reply(&out, 0, &Limits::REPLY).unwrap().unwrap();
    assert_eq!(next, out.len());
    reply
}

fn text(reply: &Reply) -> String {
    let (Reply::Bulk(text) | Reply::Simple(text)) = reply else { panic!("{reply:?}") };
    String::from_utf8(text.clone()).unwrap()
}

/// The elements of an array or set, or the keys and values of a map in turn: what RESP2 makes of it.
fn flat(reply: Reply) -> Vec<Reply> {
    if let Reply::Map(pairs) = reply {
        return pairs.into_iter().flat_map(|(key, value)| [key, value]).collect();
    }
    let (Reply::Array(replies) | Reply::Set(replies)) = reply else { panic!("{reply:?}") };
    replies
}

/// The value of `name` in a map.
fn value(reply: Reply, name: &str) -> Reply {
    let flat = flat(reply);
    let pair = flat.chunks(2).find(|pair| text(&pair[0]) == name).unwrap();
    pair[1].clone()
}

#[test]
fn hello_names_the_protocol_it_chose() {
    for protocol in BOTH {
        let hello = answer(protocol, |out| write_hello(out, protocol, 7));
        assert_eq!(matches!(hello, Reply::Map(_)), protocol == Protocol::Resp3);
        assert_eq!(value(hello.clone(), "id"), Reply::Integer(7));
        assert_eq!(value(hello, "proto"), Reply::Integer(i64::from(protocol.version())));
    }
}

#[test]
fn info_has_what_clients_wait_for() {
    let info = |sections: &[&[u8]]| {
        text(&answer(Protocol::Resp2, |out| write_info(out, sections, &FACTS)))
    };
    let all = info(&[]);
    for line in ["redis_version:7.4.0", "loading:0", "role:master", "tcp_port:6479"] {
        assert!(all.lines().any(|found| found == line), "{line}");
    }
    assert_eq!(info(&[b"persistence"]), "# Persistence\r\nloading:0\r\n");
    assert_eq!(info(&[b"everything"]), all);
    assert_eq!(info(&[b"modules"]), "");
    assert!(
        info(&[b"CLIENTS", b"server"]).contains("\r\n\r\n# Clients\r\nconnected_clients:2\r\n")
    );
}

#[test]
fn settings_are_found_by_name() {
    for protocol in BOTH {
        let config = |names: &[&[u8]]| {
            let reply = answer(protocol, |out| write_config(out, protocol, names));
            flat(reply).iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(config(&[b"SAVE"]), ["save", ""]);
        assert_eq!(config(&[b"appendonly", b"appendonly"]), ["appendonly", "yes"]);
        assert_eq!(config(&[b"nothing"]), Vec::<String>::new());
        assert_eq!(config(&[b"*"]).len(), 2 * SETTINGS.len());
    }
}

#[test]
fn rows_have_ten_fields_and_the_key_where_clients_route_by_it() {
    for protocol in BOTH {
        let table = flat(answer(protocol, |out| write_command_info(out, protocol, &[])));
        assert_eq!(table.len(), COMMANDS.len());
        for (row, known) in table.into_iter().zip(COMMANDS) {
            let row = flat(row);
            assert_eq!(row.len(), 10, "{}", known.name);
            let place = match known.key {
                KeyPlace::Nowhere => 0,
                KeyPlace::At(place) => place,
            };
            let keys = [place, place, place.signum()].map(Reply::Integer);
            assert_eq!(row[3..6], keys, "{}", known.name);
        }
        for name in ["use", "debit", "grant", "void", "balance", "grants", "state"] {
            let names = [name.as_bytes()];
            let rows = flat(answer(protocol, |out| write_command_info(out, protocol, &names)));
            assert_eq!(flat(rows[0].clone())[3], Reply::Integer(1), "{name}");
        }
    }
}

#[test]
fn an_unknown_command_has_no_row() {
    for protocol in BOTH {
        let names: [&[u8]; 2] = [b"FLY", b"USE"];
        let rows = flat(answer(protocol, |out| write_command_info(out, protocol, &names)));
        assert_eq!(rows[0], Reply::Null);
        assert_eq!(text(&flat(rows[1].clone())[0]), "use");
    }
}

#[test]
fn the_table_is_told_in_every_form() {
    for protocol in BOTH {
        let count = answer(protocol, write_command_count);
        assert_eq!(count, Reply::Integer(i64::try_from(COMMANDS.len()).unwrap()));
        assert_eq!(flat(answer(protocol, write_command_list)).len(), COMMANDS.len());
        let docs = answer(protocol, |out| write_command_docs(out, protocol, &[b"Debit"]));
        let debit = value(docs, "debit");
        assert_eq!(text(&value(debit, "group")), "drawdown");
        let all = answer(protocol, |out| write_command_docs(out, protocol, &[]));
        assert_eq!(flat(all).len(), 2 * COMMANDS.len());
    }
}

#[test]
fn one_node_owns_every_slot() {
    let endpoint = endpoint();
    let id = "00000000000000000000000000000abc00000000";
    for protocol in BOTH {
        let slots = flat(answer(protocol, |out| write_cluster_slots(out, &endpoint)));
        let range = flat(slots[0].clone());
        assert_eq!(range[..2], [Reply::Integer(0), Reply::Integer(16_383)]);
        let node = flat(range[2].clone());
        assert_eq!([text(&node[0]), text(&node[2])], ["127.0.0.1", id]);
        assert_eq!(node[1], Reply::Integer(6_479));

        let shards = flat(answer(protocol, |out| write_cluster_shards(out, protocol, &endpoint)));
        let nodes = flat(value(shards[0].clone(), "nodes"));
        assert_eq!(text(&value(nodes[0].clone(), "endpoint")), "127.0.0.1");
        assert_eq!(text(&value(nodes[0].clone(), "id")), id);

        let nodes = text(&answer(protocol, |out| write_cluster_nodes(out, &endpoint)));
        let line = "127.0.0.1:6479@0 myself,master - 0 0 1 connected 0-16383\n";
        assert_eq!(nodes, format!("{id} {line}"));
        assert!(text(&answer(protocol, write_cluster_info)).contains("cluster_state:ok\r\n"));
        assert_eq!(text(&answer(protocol, |out| write_cluster_my_id(out, &endpoint))), id);
        let slot = answer(protocol, |out| write_key_slot(out, b"foo"));
        assert_eq!(slot, Reply::Integer(12_182));
    }
}

#[test]
fn small_talk() {
    let said = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(said(&|out| write_pong(out, None)), "+PONG\r\n");
    assert_eq!(said(&|out| write_pong(out, Some(b"hi"))), "$2\r\nhi\r\n");
    assert_eq!(said(&|out| write_select(out, 0)), "+OK\r\n");
    assert_eq!(said(&|out| write_select(out, 1)), "-ERR DB index is out of range\r\n");
    let client = said(&|out| write_client_info(out, Protocol::Resp2, 7, b"my app\n"));
    assert!(client.ends_with("id=7 name=myapp db=0 user=default resp=2\n\r\n"), "{client}");
}
