use super::{Answers, Comparison, DRAWDOWN, Figures, REDIS, Report, Row, Versus};
use super::{grouped, milliseconds};
use crate::cli::bench::load::Width;
use crate::cli::bench::session::{Calls, Difference};

const WIDTH: Width = Width { connections: 64, depth: 1 };

fn row(server: &'static str, commands_per_second: u64) -> Row {
    Row {
        load: WIDTH.to_string(),
        server,
        calls: Calls::Single,
        round: 1,
        figures: Figures {
            commands: commands_per_second,
            elapsed_ns: 1_000_000_000,
            commands_per_second,
            p50_ns: 1_234_567,
            p99_ns: 2_000_000,
            p999_ns: 3_000_000,
            max_ns: 10_000_000,
            generator_cpu_ns: 0,
            generator_cpu_ns_per_command: 99,
        },
        answers: Answers { applied: 1_000, retried: 2, ..Answers::default() },
        balances: Comparison { compared: 10, ..Comparison::default() },
    }
}

fn report(rows: Vec<Row>) -> Report {
    let versus = Versus::of(WIDTH, &rows).into_iter().collect();
    Report { run: "r1".to_owned(), seed: 1, customers: 10, skew: "zipf", rows, versus }
}

#[test]
fn ratios_are_those_of_the_medians() {
    let rows = [(DRAWDOWN, 50_000), (REDIS, 30_000), (DRAWDOWN, 10_000), (REDIS, 90_000)];
    let mut rows: Vec<Row> = rows.into_iter().map(|(server, rate)| row(server, rate)).collect();
    rows.extend([row(DRAWDOWN, 60_000), row(REDIS, 20_000)]);
    let report = report(rows);
    assert_eq!(report.versus[0].drawdown.commands_per_second, 50_000);
    assert_eq!(report.versus[0].redis.commands_per_second, 30_000);
    assert!(report.text().contains("1.66 times redis"), "{}", report.text());
}

#[test]
fn differences_are_named() {
    let mut wrong = row(DRAWDOWN, 50_000);
    wrong.balances.different = 1;
    wrong.balances.first.push(Difference {
        customer: "r1-00000003".to_owned(),
        expected: "97".to_owned(),
        found: "90".to_owned(),
    });
    wrong.answers.errors.insert("BUSY".to_owned(), 2);
    let report = report(vec![wrong]);
    let text = report.text();
    assert!(!report.is_exact());
    assert!(text.contains("1 of 10 balances DIFFER"), "{text}");
    assert!(text.contains("r1-00000003: expected 97, found 90"), "{text}");
    assert!(text.contains("error BUSY 2, sent again 2"), "{text}");
}

#[test]
fn numbers_read_well() {
    assert_eq!(grouped(0), "0");
    assert_eq!(grouped(999), "999");
    assert_eq!(grouped(1_234_567), "1,234,567");
    assert_eq!(milliseconds(1_239_999), "1.23 ms");
    assert_eq!(milliseconds(40_000), "0.04 ms");
}
