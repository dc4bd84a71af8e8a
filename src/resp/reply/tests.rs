use proptest::prelude::*;
use redis_protocol::resp2;
use redis_protocol::resp2::types::OwnedFrame as Frame2;
use redis_protocol::resp3;
use redis_protocol::resp3::types::OwnedFrame as Frame3;

use super::*;

fn decoded2(bytes: &[u8]) -> Frame2 {
    let (frame, length) = resp2::decode::decode(bytes).unwrap().unwrap();
    assert_eq!(length, bytes.len());
    frame
}

fn decoded3(bytes: &[u8]) -> Frame3 {
    let (frame, length) = resp3::decode::complete::decode(bytes).unwrap().unwrap();
    assert_eq!(length, bytes.len());
    frame
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

proptest! {
    #[test]
    fn a_verdict_reads_the_same_in_both_protocols(
        mantissa in -79_228_162_514_264_337_593_543_950_335_i128..=79_228_162_514_264_337_593_543_950_335,
        scale in 0_u32..=28,
        shift in 0_u32..96,
        before in prop::collection::vec(any::<u8>(), 0..5),
    ) {
        let balance = Decimal::from_i128_with_scale(mantissa >> shift, scale);
        let mut out = before.clone();
        write_verdict(&mut out, b"refused", balance);
        prop_assert_eq!(&out[..before.len()], &before);
        let out = &out[before.len()..];
        let text = balance.normalize().to_string().into_bytes();
        prop_assert_eq!(
            decoded2(out),
            Frame2::Array(vec![
                Frame2::BulkString(b"refused".to_vec()),
                Frame2::BulkString(text.clone()),
            ])
        );
        let blob = |data: &[u8]| Frame3::BlobString { data: data.to_vec(), attributes: None };
        prop_assert_eq!(
            decoded3(out),
            Frame3::Array { data: vec![blob(b"refused"), blob(&text)], attributes: None }
        );
    }

    #[test]
    fn bulk_strings_and_integers_are_read_as_they_were(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        number in any::<i64>(),
    ) {
        prop_assert_eq!(
            decoded2(&written(|out| write_bulk(out, &bytes))),
            Frame2::BulkString(bytes)
        );
        prop_assert_eq!(
            decoded2(&written(|out| write_integer(out, number))),
            Frame2::Integer(number)
        );
    }

    #[test]
    fn an_error_is_one_bounded_line_whatever_it_says(message in "(?s).{0,700}") {
        let out = written(|out| write_error(out, "BADARG", &message));
        prop_assert!(out.len() <= ERROR_BYTES_MAX);
        let Frame2::Error(text) = decoded2(&out) else { panic!("{}", out.escape_ascii()) };
        prop_assert!(text.starts_with("BADARG "));
        prop_assert!(!text.chars().any(char::is_control));
    }
}

#[test]
fn headers_follow_the_protocol() {
    use Protocol::Resp2;
    use Protocol::Resp3;
    for (protocol, bytes) in
        [(Resp2, "*4\r\n*12\r\n$-1\r\n*-1\r\n"), (Resp3, "%2\r\n~12\r\n_\r\n_\r\n")]
    {
        let out = written(|out| {
            write_map(out, protocol, 2);
            write_set(out, protocol, 12);
            write_null(out, protocol);
            write_null_array(out, protocol);
        });
        assert_eq!(String::from_utf8(out).unwrap(), bytes);
    }
}

#[test]
fn lengths_of_one_and_two_digits_stand_before_their_number() {
    for (number, bytes) in [
        ("0", "$1\r\n0\r\n"),
        ("97.5", "$4\r\n97.5\r\n"),
        ("-12345678", "$9\r\n-12345678\r\n"),
        ("1234567890", "$10\r\n1234567890\r\n"),
        ("-7.9228162514264337593543950335", "$31\r\n-7.9228162514264337593543950335\r\n"),
    ] {
        let out = written(|out| write_decimal(out, number.parse().unwrap()));
        assert_eq!(String::from_utf8(out).unwrap(), bytes);
    }
}

#[test]
fn a_protocol_error_says_so() {
    let out = written(|out| write_protocol_error(out, &RespError::Nested));
    assert_eq!(out, b"-ERR Protocol error: nested array in a command\r\n");
}

#[test]
fn nothing_follows_what_was_left_out_of_an_error() {
    let message = format!("{}\u{e9}x", "y".repeat(ERROR_BYTES_MAX - 3 - "ERR ".len() - 1));
    let out = written(|out| write_error(out, "ERR", message));
    assert!(out.ends_with(b"y\r\n"), "{}", out.escape_ascii());
}
