//! A seeded load: which customer, how many units, under which key.
//!
//! Benches, the simulation and `drawdown bench` draw from here, so that they speak of the same load.
//! It is integers throughout: a seed gives the same load on every machine. It never reads a clock or
//! a source of randomness, and it is not meant for secrets.

#![deny(clippy::arithmetic_side_effects)]

use std::num::NonZeroU32;

/// Random bits from a seed (`SplitMix64`): about a nanosecond a draw.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, every one equally likely but for a bias under 2^-32.
    pub fn below(&mut self, bound: NonZeroU32) -> u32 {
        split(self.bits(), bound).0
    }
}

/// A place below `bound` out of `bits`, and how far into that place the bits point.
fn split(bits: u64, bound: NonZeroU32) -> (u32, u32) {
    let product = u128::from(bits).wrapping_mul(u128::from(bound.get()));
    let place = u32::try_from(product >> 64).unwrap_or(0);
    let fraction = u32::try_from((product >> 32) & 0xffff_ffff).unwrap_or(0);
    (place, fraction)
}

/// How the load spreads over the customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// Every customer is equally likely.
    Uniform,
    /// The k-th customer of a seeded order is k times rarer than the first (Zipf, exponent 1).
    Zipf,
}

/// What a load looks like; with a seed it says every draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How many customers there are, numbered from 0.
    pub customers: NonZeroU32,
    /// Units are drawn from 1 up to this, equally likely.
    pub units_max: NonZeroU32,
    /// How the draws spread.
    pub skew: Skew,
}

/// One draw: a customer uses units under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// Below [`Shape::customers`].
    pub customer: u32,
    /// From 1 to [`Shape::units_max`].
    pub units: u32,
    /// Counts the draws of this load from 0, so it is never repeated.
    pub key: u64,
}

/// An endless load.
#[derive(Debug, Clone)]
pub struct Workload {
    random: Random,
    shape: Shape,
    /// Empty for [`Skew::Uniform`]; else as long as there are customers.
    columns: Vec<Column>,
    key: u64,
}

impl Workload {
    /// The load of `shape` that `seed` starts. A Zipf skew takes time and 12 bytes per customer.
    #[must_use]
    pub fn new(seed: u64, shape: Shape) -> Self {
        let mut random = Random::new(seed);
        let columns = match shape.skew {
            Skew::Uniform => Vec::new(),
            Skew::Zipf => zipf_columns(&mut random, shape.customers),
        };
        Self { random, shape, columns, key: 0 }
    }

    /// The next draw.
    pub fn pick(&mut self) -> Pick {
        let (place, fraction) = split(self.random.bits(), self.shape.customers);
        // One draw finds the column and decides within it (Walker's alias method).
        let customer = match usize::try_from(place).ok().and_then(|at| self.columns.get(at)) {
            None => place,
            Some(column) if fraction < column.share => column.own,
            Some(column) => column.other,
        };
        let units = self.random.below(self.shape.units_max).saturating_add(1);
        let key = self.key;
        self.key = self.key.saturating_add(1);
        Pick { customer, units, key }
    }
}

impl Iterator for Workload {
    type Item = Pick;

    fn next(&mut self) -> Option<Pick> {
        Some(self.pick())
    }
}

/// One equally likely column of the alias table, shared by at most two customers.
#[derive(Debug, Clone, Copy)]
struct Column {
    /// `own` is drawn below this share of 2^32, `other` from there on.
    share: u32,
    own: u32,
    other: u32,
}

/// The weight of the first rank. The k-th rank weighs this divided by k, rounded down: exact to 2^-16
/// for the last of 2^32 customers.
const FIRST_WEIGHT: u64 = 1 << 48;

/// Vose's way to build an alias table, on integers.
fn zipf_columns(random: &mut Random, customers: NonZeroU32) -> Vec<Column> {
    let order = shuffled(random, customers);
    let count = u128::from(customers.get());
    let weight = |rank: u64| u128::from(FIRST_WEIGHT.checked_div(rank).unwrap_or(0));
    let total = (1..=u64::from(customers.get())).map(weight).fold(0, u128::saturating_add);
    // A customer of average weight fills one column, which is `total` high; the weights are scaled
    // by the number of columns, so that nothing is rounded here.
    let mut light = Vec::new();
    let mut heavy = Vec::new();
    for (customer, rank) in order.into_iter().zip(1_u64..) {
        let height = weight(rank).saturating_mul(count);
        if height < total { light.push((customer, height)) } else { heavy.push((customer, height)) }
    }
    let mut columns = Vec::with_capacity(light.len().saturating_add(heavy.len()));
    while let Some((own, height)) = light.pop() {
        let Some((other, other_height)) = heavy.pop() else {
            columns.push(Column { share: u32::MAX, own, other: own });
            continue;
        };
        let share = (height << 32).checked_div(total).unwrap_or(0);
        columns.push(Column { share: u32::try_from(share).unwrap_or(u32::MAX), own, other });
        let left = other_height.saturating_sub(total.saturating_sub(height));
        if left < total { light.push((other, left)) } else { heavy.push((other, left)) }
    }
    columns.extend(heavy.into_iter().map(|(own, _)| Column { share: u32::MAX, own, other: own }));
    columns
}

/// All customers in a random order (Fisher and Yates), so that often drawn ones are not neighbours.
fn shuffled(random: &mut Random, customers: NonZeroU32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..customers.get()).collect();
    for last in (1..customers.get()).rev() {
        let at = random.below(NonZeroU32::MIN.saturating_add(last));
        if let (Ok(at), Ok(last)) = (usize::try_from(at), usize::try_from(last)) {
            order.swap(at, last);
        }
    }
    order
}

#[cfg(test)]
mod tests;
