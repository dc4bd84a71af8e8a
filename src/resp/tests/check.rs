//! What holds for every input; the fuzz target and the unit tests call this one function.

use super::resp::Arguments;
use super::resp::Limits;
use super::resp::RespError;
use super::resp::client;
use super::resp::command;
use super::resp::frame;
use super::resp::frame::Progress;
use super::resp::reply;

/// Reads `bytes` as a client's stream and as a server's, and panics where a promise is broken.
pub(super) fn check(bytes: &[u8]) {
    for limits in [Limits::BEFORE_AUTH, Limits::AFTER_AUTH] {
        let whole = commands(bytes, bytes.len(), &limits);
        // However the bytes arrive, the same commands come out, and the same end.
        let half = bytes.len().div_euclid(2);
        for step in [1, half.max(1)] {
            assert_eq!(commands(bytes, step, &limits), whole, "in steps of {step}");
        }
    }
    replies(bytes);
}

type Commands = (Vec<Vec<Vec<u8>>>, Option<RespError>);

/// The commands in `bytes` when `step` bytes arrive at a time, and the error that ends them.
fn commands(bytes: &[u8], step: usize, limits: &Limits) -> Commands {
    let (mut found, mut arguments) = (Vec::new(), Arguments::new());
    let (mut at, mut arrived) = (0, 0);
    loop {
        match frame::read_command(&bytes[..arrived], at, limits, &mut arguments) {
            Err(error) => return (found, Some(error)),
            Ok(Progress::Command { next }) => {
                assert!(at < next && next <= arrived);
                found.push(command(&bytes[..next], at, limits, &arguments));
                at = next;
            }
            Ok(Progress::Incomplete) if arrived == bytes.len() => return (found, None),
            Ok(Progress::Incomplete) => arrived = bytes.len().min(arrived.saturating_add(step)),
        }
    }
}

fn command(buffer: &[u8], at: usize, limits: &Limits, arguments: &Arguments) -> Vec<Vec<u8>> {
    assert!(arguments.len() <= limits.arguments_max);
    assert!(arguments.capacity() <= limits.arguments_max.max(16));
    for span in arguments {
        assert!(at <= span.start as usize && span.start <= span.end);
        assert!(span.end as usize <= buffer.len());
        assert!(span.of(buffer).len() <= limits.bulk_bytes_max);
    }
    if let Err(error) = command::parse_request(buffer, arguments) {
        let mut out = Vec::new();
        reply::write_request_error(&mut out, buffer, &error);
        assert!(out.len() <= reply::ERROR_BYTES_MAX);
        assert_eq!(client::skip_reply(&out, 0), Some(out.len()), "one line");
    }
    let texts: Vec<&[u8]> = arguments.iter().map(|span| span.of(buffer)).collect();
    let mut again = Vec::new();
    client::write_command(&mut again, &texts);
    assert_eq!(client::skip_reply(&again, 0), Some(again.len()));
    texts.into_iter().map(<[u8]>::to_vec).collect()
}

fn replies(bytes: &[u8]) {
    let mut at = 0;
    while let Ok(Some((_, next))) = client::read_reply(bytes, at, &Limits::AFTER_AUTH) {
        assert_eq!(client::skip_reply(bytes, at), Some(next));
        assert!(at < next && next <= bytes.len());
        at = next;
    }
}
