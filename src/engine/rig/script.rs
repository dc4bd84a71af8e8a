//! What a rig is asked, at random.

use crate::engine::rig::METERS;
use crate::workload::Random;

/// Random lines about a few customers, whose keys and expiries collide often.
pub(in crate::engine) struct Script {
    random: Random,
    customers: Vec<String>,
}

impl Script {
    pub(in crate::engine) fn new(seed: u64, customers: u32) -> Self {
        let customers = (0..customers).map(|number| format!("customer-{number}")).collect();
        Self { random: Random::new(seed), customers }
    }

    pub(in crate::engine) fn below(&mut self, bound: u32) -> u32 {
        self.random.below(bound.try_into().unwrap())
    }

    fn key(&mut self) -> String {
        match self.below(3) {
            0 => String::new(),
            _ => format!("key=k{}", self.below(12)),
        }
    }

    pub(in crate::engine) fn customer(&mut self) -> String {
        let place = self.below(u32::try_from(self.customers.len()).unwrap());
        self.customers[usize::try_from(place).unwrap()].clone()
    }

    pub(in crate::engine) fn line(&mut self) -> String {
        let customer = self.customer();
        self.line_of(&customer)
    }

    pub(in crate::engine) fn line_of(&mut self, customer: &str) -> String {
        let meter = METERS[usize::try_from(self.below(2)).unwrap()].0;
        let (units, key) = (self.below(40) + 1, self.key());
        match self.below(12) {
            0 | 1 => format!("use {customer} {meter} {units} {key}"),
            2..=4 => format!("debit {customer} {meter} {units}.5 {key}"),
            5 => format!("grant {customer} {meter} {units} {key}"),
            6 => {
                let (from, expires) = (self.below(8), self.below(20) + 9);
                format!("grant {customer} {meter} {units} {key} from={from} expires={expires}")
            }
            7 => format!("void {customer} {meter} k{} {key}", self.below(12)),
            8 | 9 => {
                let (id, kind) = (self.below(30), self.below(4));
                format!("event {customer} tokens={units} kind=x{kind} id=e{id}")
            }
            10 => format!("event {customer} tokens={units}"),
            _ => format!("turnover {customer} {meter}"),
        }
    }

    pub(in crate::engine) fn read_of(&mut self, customer: &str) -> String {
        match self.below(3) {
            0 => format!("balance {customer} tokens"),
            1 => format!("grants {customer} calls"),
            _ => format!("state {customer}"),
        }
    }
}
