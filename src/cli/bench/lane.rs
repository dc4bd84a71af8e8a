//! One connection of the load: writes a pipeline, reads its replies, and starts again.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use mio::net::TcpStream;

use crate::workload::Pick;

use super::encode::Encoder;
use super::error::BenchError;
use super::reply::{
    CallHead, Reply, Verdict, applied_len, applied_pair_len, error_code, read_call_head, read_pair,
    read_reply, unexpected,
};

/// Room for one read; the buffer is shared by all lanes, so that it stays in the cache.
pub(super) const READ_BYTES: usize = 1 << 18;

/// Most error codes that are told apart.
const ERROR_CODES_MAX: usize = 32;

/// What became of all commands of a load.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Answers {
    pub(super) applied: u64,
    pub(super) refused: u64,
    pub(super) duplicate: u64,
    pub(super) duplicate_refused: u64,
    /// Error replies by their code.
    pub(super) errors: BTreeMap<String, u64>,
    /// How many `BUSY` commands were sent again, with the same key.
    pub(super) retried: u64,
}

/// Where the lanes put what they learn.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    pub(super) answers: Answers,
    /// Acknowledged units by customer.
    pub(super) spent: &'a mut [u64],
}

impl Tally<'_> {
    fn applied(&mut self, pick: Pick) {
        self.answers.applied += 1;
        if let Some(spent) =
            usize::try_from(pick.customer).ok().and_then(|at| self.spent.get_mut(at))
        {
            *spent += u64::from(pick.units);
        }
    }

    fn verdict(&mut self, verdict: Verdict, pick: Pick) {
        match verdict {
            Verdict::Applied => self.applied(pick),
            Verdict::Refused => self.answers.refused += 1,
            Verdict::Duplicate => self.answers.duplicate += 1,
            Verdict::DuplicateRefused => self.answers.duplicate_refused += 1,
        }
    }

    fn error(&mut self, code: String) {
        let errors = &mut self.answers.errors;
        let room = errors.len() < ERROR_CODES_MAX || errors.contains_key(&code);
        *errors.entry(if room { code } else { "other".to_owned() }).or_default() += 1;
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) stream: TcpStream,
    /// The pipeline under way; the first `answered` of them have their reply.
    sent: Vec<Pick>,
    answered: usize,
    /// Replies still to come of the batched call being read.
    call_left: usize,
    /// Refused as busy, to be sent again with the same keys.
    busy: Vec<Pick>,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
    /// The start of a reply whose end is not here yet.
    unread: Vec<u8>,
    /// When the pipeline was written.
    written_ns: u64,
}

/// How a read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Received {
    /// How many commands were answered.
    pub(super) answered: u64,
    /// Whether the socket may hold more.
    pub(super) more: More,
}

/// Whether a socket may hold more to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    /// The read took all the room it had.
    Perhaps,
    /// Another event will tell.
    No,
}

impl Lane {
    /// A lane on a connected socket.
    pub(super) fn new(stream: TcpStream, depth: usize) -> Self {
        Self {
            stream,
            sent: Vec::with_capacity(depth),
            answered: 0,
            call_left: 0,
            busy: Vec::new(),
            unsent: Vec::new(),
            unread: Vec::new(),
            written_ns: 0,
        }
    }

    /// Whether every command of the pipeline has its reply.
    pub(super) fn is_idle(&self) -> bool {
        self.answered == self.sent.len()
    }

    /// When the pipeline under way was written.
    pub(super) fn written_ns(&self) -> u64 {
        self.written_ns
    }

    /// Writes a new pipeline at `now_ns`: first what was busy, then `fresh` draws up to `depth`.
    /// Returns how many fresh ones were taken; nothing is written if there are none of either.
    pub(super) fn begin(
        &mut self,
        depth: usize,
        fresh: impl Iterator<Item = Pick>,
        encoder: &Encoder,
        scratch: &mut Vec<u8>,
        tally: &mut Tally<'_>,
        now_ns: u64,
    ) -> io::Result<usize> {
        self.sent.clear();
        self.answered = 0;
        self.written_ns = now_ns;
        let again = self.busy.len().min(depth);
        self.sent.extend(self.busy.drain(..again));
        tally.answers.retried += u64::try_from(again).unwrap_or(0);
        self.sent.extend(fresh.take(depth - again));
        scratch.clear();
        encoder.write(scratch, &self.sent);
        self.write_out(scratch)?;
        Ok(self.sent.len() - again)
    }

    /// Forgets what was busy: it changed nothing, and there will be no other pipeline.
    pub(super) fn give_up(&mut self) {
        self.busy.clear();
    }

    fn write_out(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = write_some(&mut self.stream, bytes)?;
        self.unsent.extend_from_slice(bytes.get(written..).unwrap_or(&[]));
        Ok(())
    }

    /// Writes on what the socket did not take.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.unsent.is_empty() {
            let written = write_some(&mut self.stream, &self.unsent)?;
            self.unsent.drain(..written);
        }
        Ok(())
    }

    /// Reads once and tallies the replies that are whole.
    pub(super) fn receive(
        &mut self,
        call_len_max: Option<usize>,
        scratch: &mut [u8],
        tally: &mut Tally<'_>,
        lost: impl FnOnce(io::Error) -> BenchError,
    ) -> Result<Received, BenchError> {
        let kept = self.unread.len();
        if let Some(start) = scratch.get_mut(..kept) {
            start.copy_from_slice(&self.unread);
        }
        let room = scratch.get_mut(kept..).unwrap_or_default();
        let room_len = room.len();
        let read = match self.stream.read(room) {
            Ok(0) => return Err(lost(io::ErrorKind::UnexpectedEof.into())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Ok(Received { answered: 0, more: More::No });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Ok(Received { answered: 0, more: More::Perhaps });
            }
            Err(error) => return Err(lost(error)),
        };
        let filled = scratch.get(..kept + read).unwrap_or(&[]);
        let before = self.answered;
        let rest = self.tally_replies(filled, call_len_max, tally)?;
        if self.is_idle() && !rest.is_empty() {
            return Err(unexpected("no reply that was not asked for", rest));
        }
        self.unread.clear();
        self.unread.extend_from_slice(rest);
        Ok(Received {
            answered: u64::try_from(self.answered - before).unwrap_or(0),
            more: if read == room_len { More::Perhaps } else { More::No },
        })
    }

    /// Tallies the whole replies at the start of `bytes` and returns what is left.
    fn tally_replies<'b>(
        &mut self,
        mut bytes: &'b [u8],
        call_len_max: Option<usize>,
        tally: &mut Tally<'_>,
    ) -> Result<&'b [u8], BenchError> {
        while let Some(&pick) = self.sent.get(self.answered) {
            if let Some(call_len_max) = call_len_max
                && self.call_left == 0
            {
                let commands = call_len_max.min(self.sent.len() - self.answered);
                let Some((head, length)) = read_call_head(bytes, commands)? else { break };
                bytes = bytes.get(length..).unwrap_or(&[]);
                match head {
                    CallHead::Made => self.call_left = commands,
                    CallHead::Error(text) => {
                        let code = error_code(text);
                        (0..commands).for_each(|_| tally.error(code.clone()));
                        self.answered += commands;
                        continue;
                    }
                }
            }
            let applied =
                if call_len_max.is_some() { applied_pair_len(bytes) } else { applied_len(bytes) };
            let length = if let Some(length) = applied {
                tally.applied(pick);
                length
            } else {
                let read =
                    if call_len_max.is_some() { read_pair(bytes, 0)? } else { read_reply(bytes)? };
                let Some((reply, length)) = read else { break };
                self.tally_rare(reply, pick, tally)?;
                length
            };
            bytes = bytes.get(length..).unwrap_or(&[]);
            self.answered += 1;
            self.call_left = self.call_left.saturating_sub(1);
        }
        Ok(bytes)
    }

    fn tally_rare(
        &mut self,
        reply: Reply<'_>,
        pick: Pick,
        tally: &mut Tally<'_>,
    ) -> Result<(), BenchError> {
        match reply {
            Reply::Pair(verdict, _) => tally.verdict(Verdict::named(verdict)?, pick),
            Reply::Error(text) => {
                let code = error_code(text);
                if code == "BUSY" {
                    self.busy.push(pick);
                }
                tally.error(code);
            }
            Reply::Text(text) => return Err(unexpected("verdict and balance", text)),
        }
        Ok(())
    }
}

/// Writes until the socket takes no more; returns how much it took.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match stream.write(rest) {
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}
