use proptest::prelude::*;
use redis_protocol::resp3::decode::complete::decode;
use redis_protocol::resp3::types::OwnedFrame;

use super::*;
use crate::resp::Protocol;
use crate::resp::frame::tests::almost_resp;
use crate::resp::reply;

fn read(bytes: &[u8]) -> Result<Option<(Reply, usize)>, RespError> {
    read_reply(bytes, 0, &Limits::AFTER_AUTH)
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    "[ -~]{0,12}".prop_map(String::into_bytes)
}

/// What the oracle takes for a key of a map or a member of a set.
fn key() -> impl Strategy<Value = Reply> {
    prop_oneof![
        line().prop_map(Reply::Simple),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Reply::Bulk),
        any::<i64>().prop_map(Reply::Integer),
    ]
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let leaf = prop_oneof![
        line().prop_map(Reply::Simple),
        line().prop_map(Reply::Error),
        any::<i64>().prop_map(Reply::Integer),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Reply::Bulk),
        Just(Reply::Null),
        any::<bool>().prop_map(Reply::Boolean),
        "-?[0-9]{1,40}".prop_map(|text| Reply::BigNumber(text.into_bytes())),
        "-?[0-9]{1,3}\\.[1-9]".prop_map(|text| Reply::Double(text.into_bytes())),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..6);
        prop_oneof![
            list().prop_map(Reply::Array),
            prop::collection::vec(key(), 0..6).prop_map(Reply::Set),
            list().prop_map(Reply::Push),
            prop::collection::vec((key(), inner), 0..4).prop_map(Reply::Map),
        ]
    })
}

/// RESP3 as our own writers make it, and by hand what the server never says.
fn write(out: &mut Vec<u8>, reply: &Reply) {
    let protocol = Protocol::Resp3;
    let mut text = |kind: u8, bytes: &[u8]| {
        out.push(kind);
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    };
    match reply {
        Reply::Simple(bytes) => text(b'+', bytes),
        Reply::Error(bytes) => text(b'-', bytes),
        Reply::Double(bytes) => text(b',', bytes),
        Reply::BigNumber(bytes) => text(b'(', bytes),
        Reply::Boolean(true) => text(b'#', b"t"),
        Reply::Boolean(false) => text(b'#', b"f"),
        Reply::Integer(number) => reply::write_integer(out, *number),
        Reply::Bulk(bytes) => reply::write_bulk(out, bytes),
        Reply::Null => reply::write_null(out, protocol),
        Reply::Array(replies) => {
            reply::write_array(out, replies.len());
            for reply in replies {
                write(out, reply);
            }
        }
        Reply::Set(replies) => {
            reply::write_set(out, protocol, replies.len());
            for reply in replies {
                write(out, reply);
            }
        }
        Reply::Push(replies) => {
            reply::write_header(out, b'>', replies.len());
            for reply in replies {
                write(out, reply);
            }
        }
        Reply::Map(pairs) => {
            reply::write_map(out, protocol, pairs.len());
            for (key, value) in pairs {
                write(out, key);
                write(out, value);
            }
        }
    }
}

/// What the oracle read, where order and number formats are kept.
fn from_oracle(frame: OwnedFrame) -> Option<Reply> {
    let all = |data: Vec<OwnedFrame>| data.into_iter().map(from_oracle).collect::<Option<_>>();
    match frame {
        OwnedFrame::BlobString { data, .. } | OwnedFrame::VerbatimString { data, .. } => {
            Some(Reply::Bulk(data))
        }
        OwnedFrame::BlobError { data, .. } => Some(Reply::Error(data)),
        OwnedFrame::SimpleString { data, .. } => Some(Reply::Simple(data)),
        OwnedFrame::SimpleError { data, .. } => Some(Reply::Error(data.into_bytes())),
        OwnedFrame::Boolean { data, .. } => Some(Reply::Boolean(data)),
        OwnedFrame::Null => Some(Reply::Null),
        OwnedFrame::Number { data, .. } => Some(Reply::Integer(data)),
        OwnedFrame::BigNumber { data, .. } => Some(Reply::BigNumber(data)),
        OwnedFrame::Array { data, .. } => all(data).map(Reply::Array),
        OwnedFrame::Push { data, .. } => all(data).map(Reply::Push),
        OwnedFrame::Double { .. }
        | OwnedFrame::Map { .. }
        | OwnedFrame::Set { .. }
        | OwnedFrame::Hello { .. }
        | OwnedFrame::ChunkedString(_) => None,
    }
}

proptest! {
    #[test]
    fn replies_are_read_as_they_were_written(reply in any_reply(), after in line()) {
        let mut bytes = Vec::new();
        write(&mut bytes, &reply);
        let length = bytes.len();
        bytes.extend(after);
        prop_assert_eq!(read(&bytes), Ok(Some((reply, length))));
        prop_assert_eq!(skip_reply(&bytes, 0), Some(length));
    }

    #[test]
    fn a_part_of_a_reply_is_no_reply_yet(reply in any_reply()) {
        let mut bytes = Vec::new();
        write(&mut bytes, &reply);
        for end in 0..bytes.len() {
            prop_assert_eq!(read(&bytes[..end]), Ok(None), "cut at {}", end);
            prop_assert_eq!(skip_reply(&bytes[..end], 0), None, "cut at {}", end);
        }
    }

    #[test]
    fn our_own_replies_are_read_by_the_oracle_too(reply in any_reply()) {
        let mut bytes = Vec::new();
        write(&mut bytes, &reply);
        let (frame, length) = decode(&bytes).unwrap().unwrap();
        prop_assert_eq!(length, bytes.len());
        if let Some(seen) = from_oracle(frame) {
            prop_assert_eq!(seen, reply);
        }
    }

    #[test]
    fn skipping_ends_where_reading_does(bytes in almost_resp()) {
        if let Ok(Some((_, next))) = read(&bytes) {
            prop_assert_eq!(skip_reply(&bytes, 0), Some(next), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn commands_are_read_as_they_were_written(
        arguments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..14),
    ) {
        let mut bytes = Vec::new();
        write_command(&mut bytes, &arguments.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let replies = arguments.into_iter().map(Reply::Bulk).collect();
        prop_assert_eq!(read(&bytes), Ok(Some((Reply::Array(replies), bytes.len()))));
    }
}

#[test]
fn what_no_server_of_ours_says_is_read_too() {
    let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
    for (bytes, reply) in [
        ("$-1\r\n", Reply::Null),
        ("*-1\r\n", Reply::Null),
        ("=8\r\ntxt:text\r\n", bulk("text")),
        ("!5\r\nERR x\r\n", Reply::Error(b"ERR x".to_vec())),
        ("|1\r\n+ttl\r\n:3\r\n$2\r\nhi\r\n", bulk("hi")),
    ] {
        let length = bytes.len();
        assert_eq!(read(bytes.as_bytes()), Ok(Some((reply, length))), "{bytes:?}");
        assert_eq!(skip_reply(bytes.as_bytes(), 0), Some(length), "{bytes:?}");
    }
}

#[test]
fn what_is_no_reply_gets_an_error_by_name() {
    let deep = "*1\r\n".repeat(REPLY_DEPTH_MAX + 2);
    for (bytes, error) in [
        ("?1\r\n", RespError::UnknownType(b'?')),
        (":x\r\n", RespError::BadValue),
        ("_x\r\n", RespError::BadValue),
        ("#x\r\n", RespError::BadValue),
        ("+a\nb\r\n", RespError::BadValue),
        ("$x\r\n", RespError::BadLength),
        ("$-2\r\n", RespError::BadLength),
        ("$\r\n", RespError::BadLength),
        ("%-1\r\n", RespError::BadLength),
        ("$2\r\nabc", RespError::Unterminated),
        ("=2\r\nab\r\n", RespError::BadValue),
        ("$1048577\r\n", RespError::BulkTooLong { max: 1_048_576 }),
        ("*1025\r\n", RespError::TooManyArguments { max: 1_024 }),
        (deep.as_str(), RespError::TooDeep),
    ] {
        assert_eq!(read(bytes.as_bytes()), Err(error), "{bytes:?}");
    }
}

#[test]
fn a_reply_that_does_not_end_is_given_up() {
    let limits = Limits { frame_bytes_max: 10, ..Limits::REPLY };
    let error = Err(RespError::FrameTooLong { max: 10 });
    assert_eq!(read_reply(b"*3\r\n:1\r\n:2\r\n", 0, &limits), error);
    let limits = Limits { bulk_bytes_max: 4, ..Limits::REPLY };
    let error = Err(RespError::BulkTooLong { max: 4 });
    assert_eq!(read_reply(b"+12345", 0, &limits), error);
}
