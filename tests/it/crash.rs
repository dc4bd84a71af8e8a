//! The server is killed in the middle of its work, over and over, on one directory: what it
//! acknowledged is there, once, and what it did not acknowledge can be repeated without fear.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::env;
use std::fs;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use drawdown::workload::Random;
use rust_decimal::Decimal;
use tempfile::TempDir;

use crate::caller;
use crate::caller::Caller;
use crate::server;
use crate::server::Options;
use crate::server::Server;

const WORKERS: u64 = 4;
const CUSTOMERS: u64 = 200;

/// What each customer has from the beginning, so that no debit but the hopeless ones is refused.
const ENDOWMENT: i64 = 1_000_000_000;

/// Commands that one connection has in flight, at most; one has a single one.
const IN_FLIGHT_MAX: usize = 256;

/// What a command is to its customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Use,
    Debit,
    /// A debit of more than anybody has, which is refused and stays refused.
    Hopeless,
    Grant,
    Event,
}

#[derive(Debug, Clone)]
struct Order {
    kind: Kind,
    customer: String,
    units: Decimal,
    key: String,
}

impl Order {
    fn random(random: &mut Random, key: String) -> Self {
        let customer = match random.bits() % 50 {
            // Somebody new, who has nothing but what this command makes.
            0 => format!("new-{key}"),
            _ => format!("customer-{}", random.bits() % CUSTOMERS),
        };
        let kind = match random.bits() % 10 {
            0 => Kind::Hopeless,
            1 | 2 => Kind::Grant,
            3 | 4 => Kind::Event,
            5..=7 if !customer.starts_with("new") => Kind::Debit,
            _ => Kind::Use,
        };
        let units = if kind == Kind::Hopeless {
            Decimal::from(1_000_000 * ENDOWMENT)
        } else {
            Decimal::new(1 + i64::try_from(random.bits() % 10_000).unwrap(), 2)
        };
        Self { kind, customer, units, key }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { customer, key, .. } = self;
        let units = self.units.to_string();
        let name = match self.kind {
            Kind::Use => "USE",
            Kind::Debit | Kind::Hopeless => "DEBIT",
            Kind::Grant => "GRANT",
            Kind::Event => {
                let event = format!(
                    r#"{{"name":"spent","external_customer_id":"{customer}","external_id":"{key}","metadata":{{"n":{units}}}}}"#
                );
                return caller::command(&["INGEST", &event]);
            }
        };
        caller::command(&[name, customer, "tokens", &units, "ID", key])
    }

    /// Whether the answer says that this is the first time.
    fn is_first(&self, answer: &str) -> bool {
        let (first, again) = match self.kind {
            Kind::Event => ("1 0", "0 1"),
            Kind::Hopeless => ("refused ", "duplicate-refused "),
            Kind::Use | Kind::Debit | Kind::Grant => ("applied ", "duplicate "),
        };
        let is_first = answer.starts_with(first);
        assert!(is_first || answer.starts_with(again), "{self:?} was answered with {answer:?}");
        is_first
    }
}

/// What a customer was credited, and what it consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Standing {
    credited: Decimal,
    consumed: Decimal,
}

impl Standing {
    fn add(&mut self, order: &Order) {
        match order.kind {
            Kind::Grant => self.credited += order.units,
            Kind::Use | Kind::Debit | Kind::Event => self.consumed += order.units,
            Kind::Hopeless => {}
        }
    }
}

/// What every customer must have.
#[derive(Debug, Clone, Default)]
struct Books(BTreeMap<String, Standing>);

impl Books {
    fn add(&mut self, order: &Order) {
        self.0.entry(order.customer.clone()).or_default().add(order);
    }

    fn add_all(&mut self, orders: &[Order]) {
        for order in orders {
            self.add(order);
        }
    }

    /// Those of the server, for the same customers.
    fn of_server(&self, server: &Server) -> Self {
        let mut caller = Caller::of(server);
        let asked: Vec<String> = self.0.keys().map(|name| format!("STATE {name}")).collect();
        let states = caller.pipeline(asked.iter().map(String::as_str));
        let standings = states.iter().map(|state| standing(state));
        Self(self.0.keys().cloned().zip(standings).collect())
    }
}

/// The standing on the one meter, out of the answer to `STATE`.
fn standing(state: &str) -> Standing {
    let words: Vec<&str> = state.split(' ').collect();
    match words.as_slice() {
        [""] => Standing::default(),
        ["tokens", "balance", balance, "credited", credited, "consumed", consumed] => {
            let [balance, credited, consumed] =
                [balance, credited, consumed].map(|text| text.parse::<Decimal>().unwrap());
            assert_eq!(balance, credited - consumed, "{state}");
            Standing { credited, consumed }
        }
        _ => panic!("the state is {state:?}"),
    }
}

/// What became of the orders of one connection.
#[derive(Debug, Default)]
struct Load {
    acknowledged: Vec<Order>,
    unanswered: Vec<Order>,
}

impl Load {
    /// Sends orders until the server is gone.
    fn run(address: SocketAddr, token: &str, seed: u64, run: &str, in_flight_max: usize) -> Self {
        let mut caller = Caller::with_token(address, token);
        let mut random = Random::new(seed);
        let mut load = Self::default();
        let mut waiting = VecDeque::new();
        let mut sent = 0;
        'serving: loop {
            let batch = 1 + random.bits() % (u64::try_from(in_flight_max).unwrap() / 2).max(1);
            let mut bytes = Vec::new();
            for _ in 0..batch {
                let order = Order::random(&mut random, format!("{run}-{sent}"));
                sent += 1;
                bytes.extend_from_slice(&order.bytes());
                waiting.push_back(order);
            }
            if caller.send(&bytes).is_err() {
                break;
            }
            while waiting.len() >= in_flight_max {
                let Ok(reply) = caller.reply() else { break 'serving };
                let order: Order = waiting.pop_front().unwrap();
                assert!(order.is_first(&caller::text(&reply)), "{order:?} was not there before");
                load.acknowledged.push(order);
            }
        }
        // What the server said before it went may still be on its way.
        while let Ok(reply) = caller.reply() {
            let order = waiting.pop_front().unwrap();
            assert!(order.is_first(&caller::text(&reply)), "{order:?} was not there before");
            load.acknowledged.push(order);
        }
        load.unanswered = waiting.into();
        load
    }
}

/// Loads the server over several connections and kills it in the middle.
fn load_and_kill(server: Server, seed: u64, round: u32) -> (Load, Options) {
    let mut random = Random::new(seed.wrapping_add(u64::from(round)));
    let (address, token) = (server.resp, server.token());
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (token, seed) = (token.clone(), random.bits());
            let in_flight_max = if worker == 0 { 1 } else { IN_FLIGHT_MAX };
            let run = format!("{round}-{worker}");
            thread::spawn(move || Load::run(address, &token, seed, &run, in_flight_max))
        })
        .collect();
    // Long enough for snapshots to begin, and any moment after that.
    thread::sleep(Duration::from_millis(500 + random.bits() % 2_000));
    let options = server.kill();
    let mut all = Load::default();
    for worker in workers {
        let load = worker.join().unwrap();
        all.acknowledged.extend(load.acknowledged);
        all.unanswered.extend(load.unanswered);
    }
    (all, options)
}

/// Sends orders again, and says which of them had been there.
fn repeat(server: &Server, orders: &[Order]) -> Vec<bool> {
    let mut caller = Caller::of(server);
    let mut known = Vec::new();
    for some in orders.chunks(IN_FLIGHT_MAX) {
        caller.send(&some.iter().flat_map(Order::bytes).collect::<Vec<u8>>()).unwrap();
        known.extend(some.iter().map(|order| !order.is_first(&caller.answer())));
    }
    known
}

/// Compares the server with the books, and settles what was left open.
fn check(server: &Server, books: &mut Books, load: &Load) {
    books.add_all(&load.acknowledged);
    let before = books.clone();
    let mut most = books.clone();
    most.add_all(&load.unanswered);
    let found = most.of_server(server);
    for (customer, found) in &found.0 {
        let least = books.0.get(customer).copied().unwrap_or_default();
        let most = most.0[customer];
        assert!(
            (least.credited..=most.credited).contains(&found.credited)
                && (least.consumed..=most.consumed).contains(&found.consumed),
            "{customer} has {found:?}, was acknowledged {least:?}, and asked for {most:?}"
        );
    }
    let known = repeat(server, &load.unanswered);
    let mut explained = before;
    for (order, known) in load.unanswered.iter().zip(known) {
        explained.0.entry(order.customer.clone()).or_default();
        if known {
            explained.add(order);
        }
    }
    books.add_all(&load.unanswered);
    // What was there is exactly what was acknowledged, and what a repeat calls a duplicate.
    assert_eq!(found.0, explained.0);
    assert_eq!(books.of_server(server).0, books.0, "after repeating what was unanswered");
}

/// Repeats what was acknowledged: the newest, and some of the rest.
fn check_repeats(server: &Server, books: &Books, acknowledged: &[Order], random: &mut Random) {
    let mut orders: Vec<Order> = acknowledged.iter().rev().take(1_000).cloned().collect();
    for _ in 0..1_000 {
        let place = random.bits() % u64::try_from(acknowledged.len()).unwrap();
        orders.push(acknowledged[usize::try_from(place).unwrap()].clone());
    }
    let known = repeat(server, &orders);
    let forgotten = orders.iter().zip(known).find(|(_, known)| !known);
    assert!(forgotten.is_none(), "acknowledged, and done again: {forgotten:?}");
    assert_eq!(books.of_server(server).0, books.0, "after repeating what was acknowledged");
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn seed() -> u64 {
    let given = env::var("CRASH_SEED").ok().map(|text| text.parse().unwrap());
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("CRASH_SEED={seed}");
    seed
}

fn survives(rounds: u32, flags: &[&str]) {
    let seed = seed();
    let mut random = Random::new(seed);
    let temp = TempDir::new().unwrap();
    let data = temp.path().join("data");
    let options = Options::on(&data)
        .with(&["--segment-bytes-max", "64KiB", "--snapshot-interval", "1s"])
        .with(flags);
    let mut server = options.start();
    let mut caller = Caller::of(&server);
    caller.says("METER CREATE tokens EVENT spent SUM n");
    let endowments = (0..CUSTOMERS).map(|number| Order {
        kind: Kind::Grant,
        customer: format!("customer-{number}"),
        units: Decimal::from(ENDOWMENT),
        key: "endowment".to_owned(),
    });
    let mut acknowledged: Vec<Order> = endowments.collect();
    assert!(!repeat(&server, &acknowledged).contains(&true));
    let mut books = Books::default();
    books.add_all(&acknowledged);
    for round in 0..rounds {
        let (load, options) = load_and_kill(server, seed, round);
        let (answered, unanswered) = (load.acknowledged.len(), load.unanswered.len());
        println!("round {round}: {answered} acknowledged, {unanswered} unanswered");
        assert!(answered > 0);
        if round % 2 == 1 {
            // Killed while it recovers, it recovers the next time.
            options.killed_at(" recovering ");
            options.killed_at(" recovered ");
        }
        server = options.start();
        check(&server, &mut books, &load);
        acknowledged.extend(load.acknowledged);
        acknowledged.extend(load.unanswered);
        check_repeats(&server, &books, &acknowledged, &mut random);
    }
    let shard = data.join("shard-000");
    println!("journal: {:?}", names_in(&shard.join("journal")));
    println!("snapshots: {:?}", names_in(&shard.join("snapshots")));
    // A snapshot was taken, and segments were filled and begun. The last life may have been too short
    // for one of its own.
    Caller::of(&server).says("SNAPSHOT");
    assert!(!names_in(&shard.join("snapshots")).is_empty());
    let is_later =
        |name: &String| name.starts_with("segment-") && *name > format!("segment-{rounds:010}");
    assert!(names_in(&shard.join("journal")).iter().any(is_later));
    let (status, _) = server.stop();
    assert_eq!(status.code(), Some(0));
    let verified = server::command().args(["verify", "--data-dir"]).arg(&data).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stdout);
    assert_eq!(verified.status.code(), Some(0), "{said}");
}

#[test]
fn one_shard_survives_being_killed_under_load() {
    survives(6, &["--shards", "1"]);
}

#[test]
fn two_shards_survive_being_killed_under_load() {
    survives(6, &["--shards", "2"]);
}

#[test]
fn what_the_system_has_survives_the_end_of_the_process() {
    survives(3, &["--shards", "1", "--durability", "os"]);
}
