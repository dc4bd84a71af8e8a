//! Figures for people (a table) and for programs (JSON). All of it is integers.

use std::fmt::Write as _;

use serde::Serialize;

use super::lane::Answers;
use super::load::{Measured, Width};
use super::session::Calls;
use super::session::Comparison;

/// The figures of one load, in commands and nanoseconds.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figures {
    pub(super) commands: u64,
    pub(super) elapsed_ns: u64,
    pub(super) commands_per_second: u64,
    pub(super) p50_ns: u64,
    pub(super) p99_ns: u64,
    pub(super) p999_ns: u64,
    pub(super) max_ns: u64,
    pub(super) generator_cpu_ns: u64,
    pub(super) generator_cpu_ns_per_command: u64,
}

/// One load on one server.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) load: String,
    pub(super) server: &'static str,
    pub(super) calls: Calls,
    /// Which of several rounds, from 1.
    pub(super) round: u32,
    pub(super) figures: Figures,
    pub(super) answers: Answers,
    pub(super) balances: Comparison,
}

/// Medians of one load on both servers.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Versus {
    pub(super) load: String,
    pub(super) drawdown: Figures,
    pub(super) redis: Figures,
    /// How Redis was called.
    pub(super) redis_calls: Calls,
    /// Drawdown's commands a second as hundredths of those of Redis.
    pub(super) ratio_percent: u64,
}

/// Everything that a run found out.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) run: String,
    pub(super) seed: u64,
    pub(super) customers: u32,
    pub(super) skew: &'static str,
    pub(super) rows: Vec<Row>,
    pub(super) versus: Vec<Versus>,
}

impl Figures {
    /// The figures of a load.
    pub(super) fn of(measured: &Measured) -> Self {
        let quantile = |quantile| measured.latency.value_at_quantile(quantile);
        let commands = measured.commands;
        Self {
            commands,
            elapsed_ns: measured.elapsed_ns,
            commands_per_second: scaled(commands, 1_000_000_000, measured.elapsed_ns),
            p50_ns: quantile(0.5),
            p99_ns: quantile(0.99),
            p999_ns: quantile(0.999),
            max_ns: measured.latency.max(),
            generator_cpu_ns: measured.cpu_ns,
            generator_cpu_ns_per_command: scaled(measured.cpu_ns, 1, commands),
        }
    }

    /// The median of each figure for itself; the lower one of two in the middle.
    fn medians(rows: &[&Self]) -> Self {
        let median = |of: fn(&Self) -> u64| {
            let mut values: Vec<u64> = rows.iter().map(|row| of(row)).collect();
            values.sort_unstable();
            values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0)
        };
        Self {
            commands: median(|row| row.commands),
            elapsed_ns: median(|row| row.elapsed_ns),
            commands_per_second: median(|row| row.commands_per_second),
            p50_ns: median(|row| row.p50_ns),
            p99_ns: median(|row| row.p99_ns),
            p999_ns: median(|row| row.p999_ns),
            max_ns: median(|row| row.max_ns),
            generator_cpu_ns: median(|row| row.generator_cpu_ns),
            generator_cpu_ns_per_command: median(|row| row.generator_cpu_ns_per_command),
        }
    }
}

impl Versus {
    /// Medians over the rounds of `width` among `rows`; none unless both servers were measured.
    pub(super) fn of(width: Width, rows: &[Row]) -> Option<Self> {
        let load = width.to_string();
        let of_server = |server| rows.iter().filter(move |row| row.server == server);
        let figures = |server| {
            let of_load = of_server(server).filter(|row| row.load == load);
            let figures: Vec<&Figures> = of_load.map(|row| &row.figures).collect();
            (!figures.is_empty()).then(|| Figures::medians(&figures))
        };
        let (drawdown, redis) = (figures(DRAWDOWN)?, figures(REDIS)?);
        let ratio_percent = scaled(drawdown.commands_per_second, 100, redis.commands_per_second);
        let redis_calls = of_server(REDIS).find(|row| row.load == load)?.calls;
        Some(Self { load, drawdown, redis, redis_calls, ratio_percent })
    }
}

/// What this engine is called in a report.
pub(super) const DRAWDOWN: &str = "drawdown";

/// What a Redis server is called in a report.
pub(super) const REDIS: &str = "redis";

impl Report {
    /// Whether every balance is what was acknowledged.
    pub(super) fn is_exact(&self) -> bool {
        self.rows.iter().all(|row| row.balances.different == 0)
    }

    /// The report as text, in lines that end.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write_text(&mut out);
        out
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let Self { run, seed, customers, skew, rows, versus } = self;
        writeln!(
            out,
            "run {run}, seed {seed}, {} customers, {skew}",
            grouped(u64::from(*customers))
        )?;
        write_head(out)?;
        for row in rows {
            write_figures(out, &row.load, server_name(row.server, row.calls), &row.figures)?;
            writeln!(out)?;
        }
        if !versus.is_empty() {
            writeln!(out, "\nmedians")?;
            write_head(out)?;
        }
        for Versus { load, drawdown, redis, redis_calls, ratio_percent } in versus {
            write_figures(out, load, DRAWDOWN, drawdown)?;
            writeln!(out, "   {}.{:02} times redis", ratio_percent / 100, ratio_percent % 100)?;
            write_figures(out, load, server_name(REDIS, *redis_calls), redis)?;
            writeln!(out)?;
        }
        writeln!(out)?;
        for row in rows {
            row.write_answers(out)?;
        }
        Ok(())
    }
}

impl Row {
    fn write_answers(&self, out: &mut String) -> std::fmt::Result {
        let Answers { applied, refused, duplicate, duplicate_refused, errors, retried } =
            &self.answers;
        write!(out, "{} {}: applied {}", self.server, self.load, grouped(*applied))?;
        let rare = [
            ("refused", refused),
            ("duplicate", duplicate),
            ("duplicate-refused", duplicate_refused),
        ];
        for (name, count) in rare.into_iter().filter(|&(_, &count)| count > 0) {
            write!(out, ", {name} {}", grouped(*count))?;
        }
        for (code, count) in errors {
            write!(out, ", error {code} {}", grouped(*count))?;
        }
        if *retried > 0 {
            write!(out, ", sent again {}", grouped(*retried))?;
        }
        let Comparison { compared, different, first } = &self.balances;
        let (compared, different) = (u64::from(*compared), u64::from(*different));
        if different == 0 {
            return writeln!(out, "; {} balances exact", grouped(compared));
        }
        writeln!(out, "; {} of {} balances DIFFER", grouped(different), grouped(compared))?;
        for difference in first {
            let super::session::Difference { customer, expected, found } = difference;
            writeln!(out, "  {customer}: expected {expected}, found {found}")?;
        }
        Ok(())
    }
}

fn write_head(out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "{:<8} {:<13} {:>11} {:>9} {:>9} {:>9} {:>9}   generator",
        "load", "server", "commands/s", "p50", "p99", "p99.9", "max"
    )
}

fn write_figures(
    out: &mut String,
    load: &str,
    server: &str,
    figures: &Figures,
) -> std::fmt::Result {
    write!(
        out,
        "{load:<8} {server:<13} {:>11} {:>9} {:>9} {:>9} {:>9}   {} ns CPU a command",
        grouped(figures.commands_per_second),
        milliseconds(figures.p50_ns),
        milliseconds(figures.p99_ns),
        milliseconds(figures.p999_ns),
        milliseconds(figures.max_ns),
        figures.generator_cpu_ns_per_command,
    )
}

fn server_name(server: &'static str, calls: Calls) -> &'static str {
    match calls {
        Calls::Single => server,
        Calls::Batched => "redis batched",
    }
}

/// `amount * factor / divisor`, rounded down; 0 for a divisor of 0.
fn scaled(amount: u64, factor: u64, divisor: u64) -> u64 {
    let product = u128::from(amount) * u128::from(factor);
    product.checked_div(u128::from(divisor)).and_then(|scaled| scaled.try_into().ok()).unwrap_or(0)
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Nanoseconds as `1.23 ms`, rounded down.
fn milliseconds(ns: u64) -> String {
    format!("{}.{:02} ms", ns / 1_000_000, ns / 10_000 % 100)
}

#[cfg(test)]
mod tests;
