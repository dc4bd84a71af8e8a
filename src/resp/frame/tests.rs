use proptest::prelude::*;
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::encode::extend_encode;
use redis_protocol::resp2::types::BytesFrame;
use redis_protocol::resp2::types::OwnedFrame;

use super::*;

const LIMITS: Limits = Limits::AFTER_AUTH;

fn read(bytes: &[u8], at: usize, limits: &Limits) -> Result<(Progress, Vec<Vec<u8>>), RespError> {
    let mut arguments = Arguments::new();
    let progress = read_command(bytes, at, limits, &mut arguments)?;
    Ok((progress, arguments.iter().map(|span| span.of(bytes).to_vec()).collect()))
}

/// A command as the oracle writes it.
fn encoded(arguments: &[Vec<u8>]) -> Vec<u8> {
    let frames = arguments.iter().cloned().map(|bytes| BytesFrame::BulkString(bytes.into()));
    let mut out = bytes::BytesMut::new();
    extend_encode(&mut out, &BytesFrame::Array(frames.collect()), false).unwrap();
    out.to_vec()
}

fn any_arguments() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let argument = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..20),
        1 => prop::collection::vec(any::<u8>(), 95..130),
        1 => Just(b"\r\n$3\r\n".to_vec()),
    ];
    prop::collection::vec(argument, 0..14)
}

/// Bytes that look like commands up to a point.
pub(in crate::resp) fn almost_resp() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (0_u32..12).prop_map(|count| format!("*{count}\r\n").into_bytes()),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| {
            let mut piece = format!("${}\r\n", bytes.len()).into_bytes();
            piece.extend(bytes);
            piece.extend(b"\r\n");
            piece
        }),
        "[*$+:%~>_#,(|=!-]-?[0-9]{0,11}\r?\n?".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn commands_of_the_oracle_are_read_as_they_were(
        arguments in any_arguments(),
        before in prop::collection::vec(any::<u8>(), 0..9),
        after in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let command = encoded(&arguments);
        let bytes = [before.as_slice(), &command, &after].concat();
        let (progress, read_back) = read(&bytes, before.len(), &LIMITS).unwrap();
        prop_assert_eq!(progress, Progress::Command { next: bytes.len().saturating_sub(after.len()) });
        prop_assert_eq!(read_back, arguments);
    }

    #[test]
    fn a_part_of_a_command_is_incomplete_wherever_it_is_cut(arguments in any_arguments()) {
        let command = encoded(&arguments);
        for end in 0..command.len() {
            let (progress, _) = read(&command[..end], 0, &LIMITS).unwrap();
            prop_assert_eq!(progress, Progress::Incomplete, "cut at {}", end);
        }
    }

    #[test]
    fn what_is_read_out_of_any_bytes_the_oracle_reads_too(bytes in almost_resp()) {
        if let Ok((Progress::Command { next }, arguments)) = read(&bytes, 0, &LIMITS) {
            let (frame, length) = decode(&bytes).unwrap().unwrap();
            prop_assert_eq!(length, next);
            let frames = arguments.into_iter().map(OwnedFrame::BulkString).collect();
            prop_assert_eq!(frame, OwnedFrame::Array(frames));
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), at in 0_usize..80) {
        let _ = read(&bytes, at, &Limits::BEFORE_AUTH);
    }
}

#[test]
fn what_is_no_command_gets_an_error_by_name() {
    for (bytes, message) in [
        ("PING\r\n", "expected '*', got 'P'"),
        ("GET / HTTP/1.1\r\n", "expected '*', got 'G'"),
        ("\r\n", r"expected '*', got '\r'"),
        ("*x\r\n", "invalid length"),
        ("*-1\r\n", "invalid length"),
        ("*\r\n", "invalid length"),
        ("*+1\r\n", "invalid length"),
        ("*1\n", "invalid length"),
        ("*1\rx", "invalid length"),
        ("*00000000001", "invalid length"),
        ("*1025\r\n", "more than 1024 arguments"),
        ("*1\r\n*1\r\n", "nested array in a command"),
        ("*1\r\n:1\r\n", "expected '$', got ':'"),
        ("*1\r\n$-1\r\n", "invalid length"),
        ("*1\r\n$1048577\r\n", "bulk string of more than 1048576 bytes"),
        ("*1\r\n$4\r\nPINGxx", "expected a line end after a bulk string"),
        ("*1\r\n$4\r\nPING\rx", "expected a line end after a bulk string"),
    ] {
        let error = read(bytes.as_bytes(), 0, &LIMITS).unwrap_err();
        assert_eq!(error.to_string(), message, "{bytes:?}");
    }
}

#[test]
fn limits_hold_as_soon_as_a_length_is_announced() {
    let before = Limits::BEFORE_AUTH;
    assert_eq!(read(b"*9\r\n", 0, &before), Err(RespError::TooManyArguments { max: 8 }));
    assert_eq!(read(b"*1\r\n$1025\r\n", 0, &before), Err(RespError::BulkTooLong { max: 1_024 }));
    assert_eq!(
        read(b"*1\r\n$1024\r\n", 0, &before).unwrap().0,
        Progress::Incomplete,
        "the limit itself is allowed"
    );
    let small = Limits { frame_bytes_max: 20, ..before };
    let error = Err(RespError::FrameTooLong { max: 20 });
    assert_eq!(read(b"*2\r\n$4\r\nECHO\r\n$9\r\n", 0, &small), error);
}

#[test]
fn no_room_is_made_for_what_was_only_announced() {
    let mut arguments = Arguments::new();
    let progress = read_command(b"*1024\r\n", 0, &LIMITS, &mut arguments);
    assert_eq!(progress, Ok(Progress::Incomplete));
    assert_eq!(arguments.capacity(), 0);
}

#[test]
fn a_list_of_arguments_is_used_again() {
    let bytes = b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n*1\r\n$4\r\nPING\r\n";
    let mut arguments = Arguments::new();
    let first = read_command(bytes, 0, &LIMITS, &mut arguments).unwrap();
    assert_eq!(first, Progress::Command { next: 22 });
    let second = read_command(bytes, 22, &LIMITS, &mut arguments).unwrap();
    assert_eq!(second, Progress::Command { next: bytes.len() });
    assert_eq!(arguments.iter().map(|span| span.of(bytes)).collect::<Vec<_>>(), [b"PING"]);
}
