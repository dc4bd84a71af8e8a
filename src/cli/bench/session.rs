//! One run against one server: set-up, loads, and the comparison of every balance.

use std::num::NonZeroU32;

use rust_decimal::Decimal;

use crate::units::parse_decimal;
use crate::units::subtract;
use crate::workload::{Shape, Workload};

use super::client::{Client, rejected, text_of};
use super::encode::{Encoder, Keys, LoadCommand, customer_name};
use super::error::BenchError;
use super::load::{Load, Measured, Width};
use super::progress::Progress;
use super::reply::{Reply, Verdict, unexpected};
use super::window::Span;

/// How many commands are sent ahead of their replies while setting up and reading back.
const SETUP_DEPTH: u32 = 500;

/// Most customers that are named when balances differ.
const DIFFERENCES_SHOWN_MAX: usize = 10;

const DEBIT_SCRIPT: &[u8] = include_bytes!("debit.lua");
const DEBIT_BATCH_SCRIPT: &[u8] = include_bytes!("debit_batch.lua");

/// What is loaded, whatever the server.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) run: String,
    pub(super) seed: u64,
    pub(super) shape: Shape,
    /// Units granted to each customer.
    pub(super) grant: u64,
}

/// What kind of server it is, and what only that kind needs.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// This engine.
    Drawdown { token: Option<String>, meter: String, command: LoadCommand, keys: Keys },
    /// A Redis server with two Lua scripts.
    Redis,
}

/// How many draws go into one call of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Calls {
    /// One.
    Single,
    /// Up to 1,000, in Redis' batch script; this engine knows single commands only.
    Batched,
}

/// A customer whose balance is not what was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Difference {
    pub(super) customer: String,
    pub(super) expected: String,
    pub(super) found: String,
}

/// The outcome of comparing every balance.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Comparison {
    pub(super) compared: u32,
    pub(super) different: u32,
    /// The first of them.
    pub(super) first: Vec<Difference>,
}

/// A run against one server.
#[derive(Debug)]
pub(super) struct Session {
    address: String,
    kind: Kind,
    plan: Plan,
    workload: Workload,
    single: Encoder,
    batched: Encoder,
    /// Balances after set-up, by customer.
    start: Vec<Decimal>,
    /// Acknowledged units, by customer.
    spent: Vec<u64>,
}

impl Session {
    /// Connects, and gives every customer credits.
    pub(super) fn open(address: &str, kind: Kind, plan: Plan) -> Result<Self, BenchError> {
        let mut client = Client::connect(address, kind.token())?;
        let units_max = plan.shape.units_max.get();
        let (single, batched) = match &kind {
            Kind::Drawdown { meter, command, keys, .. } => {
                let name = meter.as_bytes();
                client.ask("METER CREATE", &[b"METER", b"CREATE", name, b"SUM", b"units"])?;
                let single = Encoder::drawdown(&plan.run, meter, *command, *keys, units_max);
                (single.clone(), single)
            }
            Kind::Redis => {
                let single = load_script(&mut client, DEBIT_SCRIPT)?;
                let batched = load_script(&mut client, DEBIT_BATCH_SCRIPT)?;
                (
                    Encoder::redis(&plan.run, &single, units_max),
                    Encoder::redis_batched(&plan.run, batched, units_max),
                )
            }
        };
        let customers = plan.shape.customers;
        let workload = Workload::new(plan.seed, plan.shape);
        let spent = vec![0; usize::try_from(customers.get()).unwrap_or(0)];
        let address = address.to_owned();
        let mut session =
            Self { address, kind, plan, workload, single, batched, start: Vec::new(), spent };
        session.grant(&mut client)?;
        Ok(session)
    }

    /// Runs one load over connections of its own.
    pub(super) fn measure(
        &mut self,
        width: Width,
        calls: Calls,
        span: Span,
    ) -> Result<Measured, BenchError> {
        let streams = (0..width.connections)
            .map(|_| Client::connect(&self.address, self.kind.token()).map(Client::into_stream))
            .collect::<Result<Vec<_>, _>>()?;
        let load = Load {
            address: &self.address,
            width,
            span,
            encoder: match calls {
                Calls::Single => &self.single,
                Calls::Batched => &self.batched,
            },
            workload: &mut self.workload,
            spent: &mut self.spent,
        };
        load.run(streams)
    }

    /// Reads every balance and compares it with what was granted and acknowledged.
    pub(super) fn compare(&self) -> Result<Comparison, BenchError> {
        let mut client = Client::connect(&self.address, self.kind.token())?;
        let mut comparison = Comparison::default();
        let step = format!("balances of {}", self.address);
        self.for_each_customer(&mut client, step, Step::Balance, |at, reply| {
            let found = text_of("BALANCE", reply)?;
            let start = self.start.get(at).copied().unwrap_or_default();
            let spent = Decimal::from(self.spent.get(at).copied().unwrap_or(0));
            comparison.compared += 1;
            let expected = subtract(start, spent).ok();
            if parse_decimal(found).ok() != expected {
                comparison.different += 1;
                if comparison.first.len() < DIFFERENCES_SHOWN_MAX {
                    comparison.first.push(Difference {
                        customer: self.name_of(at),
                        expected: expected.map_or_else(String::new, |units| units.to_string()),
                        found: String::from_utf8_lossy(found).into_owned(),
                    });
                }
            }
            Ok(())
        })?;
        Ok(comparison)
    }

    fn grant(&mut self, client: &mut Client) -> Result<(), BenchError> {
        let mut start = Vec::with_capacity(self.spent.len());
        let step = format!("credits for {} customers", self.spent.len());
        self.for_each_customer(client, step, Step::Grant, |_, reply| {
            start.push(match (&self.kind, reply) {
                (Kind::Drawdown { .. }, Reply::Pair(verdict, balance)) => {
                    match Verdict::named(verdict)? {
                        // A repeated run id finds its grants made, and goes on from there.
                        Verdict::Applied | Verdict::Duplicate => decimal(balance)?,
                        Verdict::Refused | Verdict::DuplicateRefused => {
                            return Err(rejected("GRANT", verdict));
                        }
                    }
                }
                (Kind::Redis, Reply::Text(_)) => Decimal::from(self.plan.grant),
                (_, Reply::Error(text)) => return Err(rejected("GRANT", text)),
                (_, Reply::Pair(text, _) | Reply::Text(text)) => {
                    return Err(unexpected("the answer to GRANT", text));
                }
            });
            Ok(())
        })?;
        self.start = start;
        Ok(())
    }

    /// Sends the command of `step` for every customer and hands over the replies, in order.
    fn for_each_customer(
        &self,
        client: &mut Client,
        text: String,
        step: Step,
        mut read: impl FnMut(usize, Reply<'_>) -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        let customers = self.plan.shape.customers.get();
        let units = self.plan.grant.to_string();
        let key = format!("{}-grant", self.plan.run);
        let mut progress = Progress::start(text, u64::from(customers));
        let mut place = 0..;
        for first in (0..customers).step_by(usize::try_from(SETUP_DEPTH).unwrap_or(1)) {
            let after = first.saturating_add(SETUP_DEPTH).min(customers);
            for customer in first..after {
                let name = customer_name(&self.plan.run, customer);
                match (&self.kind, step) {
                    (Kind::Drawdown { meter, .. }, Step::Grant) => client.queue(&[
                        b"GRANT",
                        &name,
                        meter.as_bytes(),
                        units.as_bytes(),
                        b"ID",
                        key.as_bytes(),
                    ]),
                    (Kind::Drawdown { meter, .. }, Step::Balance) => {
                        client.queue(&[b"BALANCE", &name, meter.as_bytes()]);
                    }
                    (Kind::Redis, Step::Grant) => client.queue(&[b"SET", &name, units.as_bytes()]),
                    (Kind::Redis, Step::Balance) => client.queue(&[b"GET", &name]),
                }
            }
            client.send()?;
            for at in place.by_ref().take(usize::try_from(after - first).unwrap_or(0)) {
                client.reply(|reply| read(at, reply))?;
            }
            progress.at(u64::from(after));
        }
        Ok(())
    }

    fn name_of(&self, at: usize) -> String {
        let name = customer_name(&self.plan.run, u32::try_from(at).unwrap_or(u32::MAX));
        String::from_utf8_lossy(&name).into_owned()
    }
}

impl Kind {
    fn token(&self) -> Option<&str> {
        match self {
            Self::Drawdown { token, .. } => token.as_deref(),
            Self::Redis => None,
        }
    }
}

/// What is asked for every customer.
#[derive(Debug, Clone, Copy)]
enum Step {
    Grant,
    Balance,
}

fn load_script(client: &mut Client, script: &[u8]) -> Result<String, BenchError> {
    let hash = client.ask("SCRIPT LOAD", &[b"SCRIPT", b"LOAD", script])?;
    String::from_utf8(hash).map_err(|error| unexpected("the hash of a script", error.as_bytes()))
}

fn decimal(text: &[u8]) -> Result<Decimal, BenchError> {
    parse_decimal(text).map_err(|_| unexpected("a balance", text))
}

/// As many customers as `count`, or one.
pub(super) fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}
