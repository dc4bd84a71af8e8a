//! Writes the commands of the load: copied templates and a few digits, nothing else.

use crate::workload::Pick;

/// Digits of a customer's number; so a run has at most 10^8 customers.
const CUSTOMER_DIGITS: usize = 8;

/// Hexadecimal digits of a key's number; so a run sends at most 2^48 commands.
const KEY_DIGITS: usize = 12;

/// Most commands in one call of the batch script.
pub(super) const BATCH_LEN_MAX: usize = 1_000;

/// What the load asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LoadCommand {
    /// Draws down only what the balance covers.
    Debit,
    /// Draws down always.
    Use,
}

/// Whether commands carry an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// Each command its own.
    Unique,
    /// None.
    Absent,
}

/// Appends `arguments` as one command.
pub(super) fn write_command(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    out.extend_from_slice(format!("*{}\r\n", arguments.len()).as_bytes());
    for argument in arguments {
        write_bulk(out, argument);
    }
}

fn write_bulk(out: &mut Vec<u8>, text: &[u8]) {
    write_bulk_head(out, text.len());
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn write_bulk_head(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(format!("${length}\r\n").as_bytes());
}

/// What customer number `customer` of run `run` is called.
pub(super) fn customer_name(run: &str, customer: u32) -> Vec<u8> {
    let mut name = customer_prefix(run);
    write_customer_digits(&mut name, customer);
    name
}

fn customer_prefix(run: &str) -> Vec<u8> {
    format!("{run}-").into_bytes()
}

fn key_prefix(run: &str) -> Vec<u8> {
    format!("{run}-k").into_bytes()
}

/// How a load is written, whether each command alone or many to a call.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// A command for each draw.
    Single,
    /// A call of the batch script, named by its hash, for up to [`BATCH_LEN_MAX`] draws.
    Batched {
        /// The script's SHA-1.
        script: String,
    },
}

/// Templates of one load: head, customer, middle by units, key, tail by units.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    form: Form,
    keys: Keys,
    head: Vec<u8>,
    middle: ByUnits,
    tail: ByUnits,
}

/// One text for each number of units, up to the largest drawn.
#[derive(Debug, Clone)]
struct ByUnits(Vec<Vec<u8>>);

impl ByUnits {
    fn new(units_max: u32, write: impl Fn(&[u8], &mut Vec<u8>)) -> Self {
        let text = |units: u32| {
            let mut out = Vec::new();
            write(units.to_string().as_bytes(), &mut out);
            out
        };
        Self((0..=units_max).map(text).collect())
    }

    fn of(&self, units: u32) -> &[u8] {
        usize::try_from(units).ok().and_then(|at| self.0.get(at)).map_or(&[], Vec::as_slice)
    }
}

impl Encoder {
    /// Commands of the engine, on `meter`.
    pub(super) fn drawdown(
        run: &str,
        meter: &str,
        command: LoadCommand,
        keys: Keys,
        units_max: u32,
    ) -> Self {
        let verb: &[u8] = match command {
            LoadCommand::Debit => b"DEBIT",
            LoadCommand::Use => b"USE",
        };
        let arguments = match keys {
            Keys::Unique => 6,
            Keys::Absent => 4,
        };
        let mut head = format!("*{arguments}\r\n").into_bytes();
        write_bulk(&mut head, verb);
        open_customer(&mut head, run);
        let middle = ByUnits::new(units_max, |units, out| {
            out.extend_from_slice(b"\r\n");
            write_bulk(out, meter.as_bytes());
            write_bulk(out, units);
            if keys == Keys::Unique {
                write_bulk(out, b"ID");
                open_key(out, run);
            }
        });
        let tail = match keys {
            Keys::Unique => ByUnits::new(units_max, |_, out| out.extend_from_slice(b"\r\n")),
            Keys::Absent => ByUnits(Vec::new()),
        };
        Self { form: Form::Single, keys, head, middle, tail }
    }

    /// Calls of the Redis script whose SHA-1 is `script`, one for each draw.
    pub(super) fn redis(run: &str, script: &str, units_max: u32) -> Self {
        let mut head = b"*6\r\n".to_vec();
        write_bulk(&mut head, b"EVALSHA");
        write_bulk(&mut head, script.as_bytes());
        write_bulk(&mut head, b"2");
        open_customer(&mut head, run);
        Self { form: Form::Single, head, ..Self::redis_triples(run, units_max) }
    }

    /// Calls of the Redis batch script whose SHA-1 is `script`.
    pub(super) fn redis_batched(run: &str, script: String, units_max: u32) -> Self {
        let mut head = Vec::new();
        open_customer(&mut head, run);
        Self { form: Form::Batched { script }, head, ..Self::redis_triples(run, units_max) }
    }

    fn redis_triples(run: &str, units_max: u32) -> Self {
        let middle = ByUnits::new(units_max, |_, out| {
            out.extend_from_slice(b"\r\n");
            open_key(out, run);
        });
        let tail = ByUnits::new(units_max, |units, out| {
            out.extend_from_slice(b"\r\n");
            write_bulk(out, units);
        });
        Self { form: Form::Single, keys: Keys::Unique, head: Vec::new(), middle, tail }
    }

    /// How many draws one answer of the server answers.
    pub(super) fn call_len_max(&self) -> Option<usize> {
        match self.form {
            Form::Single => None,
            Form::Batched { .. } => Some(BATCH_LEN_MAX),
        }
    }

    /// Appends `picks`, in order.
    pub(super) fn write(&self, out: &mut Vec<u8>, picks: &[Pick]) {
        match &self.form {
            Form::Single => self.write_picks(out, picks),
            Form::Batched { script } => {
                for call in picks.chunks(BATCH_LEN_MAX) {
                    out.extend_from_slice(format!("*{}\r\n", 3 + 3 * call.len()).as_bytes());
                    write_bulk(out, b"EVALSHA");
                    write_bulk(out, script.as_bytes());
                    write_bulk(out, b"0");
                    self.write_picks(out, call);
                }
            }
        }
    }

    fn write_picks(&self, out: &mut Vec<u8>, picks: &[Pick]) {
        for pick in picks {
            out.extend_from_slice(&self.head);
            write_customer_digits(out, pick.customer);
            out.extend_from_slice(self.middle.of(pick.units));
            if self.keys == Keys::Unique {
                write_key_digits(out, pick.key);
                out.extend_from_slice(self.tail.of(pick.units));
            }
        }
    }
}

fn open_customer(out: &mut Vec<u8>, run: &str) {
    let prefix = customer_prefix(run);
    write_bulk_head(out, prefix.len() + CUSTOMER_DIGITS);
    out.extend_from_slice(&prefix);
}

fn open_key(out: &mut Vec<u8>, run: &str) {
    let prefix = key_prefix(run);
    write_bulk_head(out, prefix.len() + KEY_DIGITS);
    out.extend_from_slice(&prefix);
}

fn write_customer_digits(out: &mut Vec<u8>, customer: u32) {
    let mut digits = [b'0'; CUSTOMER_DIGITS];
    let mut rest = customer;
    for digit in digits.iter_mut().rev() {
        *digit |= u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

fn write_key_digits(out: &mut Vec<u8>, key: u64) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [b'0'; KEY_DIGITS];
    let mut rest = key;
    for digit in digits.iter_mut().rev() {
        *digit = usize::try_from(rest & 0xf).ok().and_then(|at| HEX.get(at)).copied().unwrap_or(0);
        rest >>= 4;
    }
    out.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests;
