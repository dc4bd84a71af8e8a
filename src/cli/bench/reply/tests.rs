use super::{CallHead, Reply, Verdict, applied_len, applied_pair_len};
use super::{error_code, read_call_head, read_pair, read_reply};

#[test]
fn an_applied_reply_is_measured_at_once() {
    for reply in [
        &b"*2\r\n$7\r\napplied\r\n$1\r\n0\r\n"[..],
        b"*2\r\n$7\r\napplied\r\n$9\r\n999999997\r\n",
        b"*2\r\n$7\r\napplied\r\n$12\r\n-123456789.5\r\n",
        b"*2\r\n$7\r\napplied\r\n:97\r\n",
    ] {
        let mut buffer = reply.to_vec();
        buffer.extend_from_slice(b"*2\r\n$7\r\nref");
        assert_eq!(applied_len(&buffer), Some(reply.len()), "{}", reply.escape_ascii());
        for end in 0..reply.len() {
            assert_eq!(applied_len(&reply[..end]), None, "{}", reply[..end].escape_ascii());
        }
    }
}

#[test]
fn anything_else_is_left_to_the_slow_path() {
    for reply in [
        &b"*2\r\n$7\r\nrefused\r\n$1\r\n0\r\n"[..],
        b"-BUSY too many commands in flight, try again later\r\n",
        b"*2\r\n$7\r\napplied\r\n$300\r\n0\r\n",
        b"*2\r\n$7\r\napplied\r\n$1\r\n0.\r\n..",
    ] {
        assert_eq!(applied_len(reply), None, "{}", reply.escape_ascii());
    }
}

#[test]
fn replies_are_read_when_they_are_whole() {
    for (bytes, expected) in [
        (&b"+OK\r\n"[..], Reply::Text(b"OK")),
        (b":-15\r\n", Reply::Text(b"-15")),
        (b"$4\r\n97.5\r\n", Reply::Text(b"97.5")),
        (b"-BADARG units: zero\r\n", Reply::Error(b"BADARG units: zero")),
        (b"*2\r\n$7\r\nrefused\r\n$1\r\n0\r\n", Reply::Pair(b"refused", b"0")),
        (b"*2\r\n$7\r\napplied\r\n:97\r\n", Reply::Pair(b"applied", b"97")),
    ] {
        for end in 0..bytes.len() {
            assert_eq!(read_reply(&bytes[..end]).unwrap(), None, "{}", bytes.escape_ascii());
        }
        let mut buffer = bytes.to_vec();
        buffer.extend_from_slice(b"+next\r\n");
        assert_eq!(read_reply(&buffer).unwrap(), Some((expected, bytes.len())));
    }
}

#[test]
fn what_is_no_reply_is_an_error() {
    for bytes in [
        &b"hello\r\n"[..],
        b"+OK\n",
        b"$-1\r\n",
        b"$999999999\r\n",
        b"*3\r\n+a\r\n+b\r\n+c\r\n",
        b"*2\r\n*0\r\n+b\r\n",
    ] {
        assert!(read_reply(bytes).is_err(), "{}", bytes.escape_ascii());
    }
    assert!(read_reply(&vec![b'+'; 100_000]).is_err(), "a line without end");
}

#[test]
fn a_batch_is_answered_with_a_pair_for_each_command() {
    assert_eq!(read_call_head(b"*6\r\n", 3).unwrap(), Some((CallHead::Made, 4)));
    assert_eq!(read_call_head(b"*6", 3).unwrap(), None);
    let error = b"-NOSCRIPT no such script\r\n";
    let expected = CallHead::Error(b"NOSCRIPT no such script");
    assert_eq!(read_call_head(error, 3).unwrap(), Some((expected, error.len())));
    assert!(read_call_head(b"*3\r\n", 3).is_err());
    assert_eq!(applied_pair_len(b"$7\r\napplied\r\n:97\r\n$7"), Some(18));
    let refused = b"$7\r\nrefused\r\n:9\r\n";
    assert_eq!(applied_pair_len(refused), None);
    let expected = Reply::Pair(b"refused", b"9");
    assert_eq!(read_pair(refused, 0).unwrap(), Some((expected, refused.len())));
    assert_eq!(read_pair(b"$7\r\nrefused\r\n", 0).unwrap(), None);
    assert!(read_pair(b"*2\r\n+a\r\n", 0).is_err());
}

#[test]
fn verdicts_and_codes_have_names() {
    assert_eq!(Verdict::named(b"duplicate-refused").unwrap(), Verdict::DuplicateRefused);
    assert!(Verdict::named(b"maybe").is_err());
    assert_eq!(error_code(b"READONLY disk full"), "READONLY");
    assert_eq!(error_code(b"BUSY"), "BUSY");
}
