use std::collections::BTreeSet;
use std::time::Duration;

use rust_decimal::Decimal;

use super::*;
use crate::id::Seq;

#[test]
fn a_batch_is_counted_by_kind_and_answer() {
    let metrics = Metrics::new(2);
    let shard = metrics.shard(ShardNumber(1)).unwrap();
    let mut tally = CommandTally::default();
    for _ in 0..3 {
        tally.count(CommandKind::Debit, Answer::Applied);
    }
    tally.count(CommandKind::Debit, Answer::DuplicateRefused);
    shard.add_commands(&mut tally);
    shard.add_commands(&mut tally);
    let text = metrics.encode();
    let line = |labels: &str, count: u32| format!("drawdown_commands_total{{{labels}}} {count}\n");
    assert!(text.contains(&line(r#"shard="1",kind="debit",answer="applied""#, 3)), "{text}");
    assert!(text.contains(&line(r#"shard="1",kind="debit",answer="duplicate-refused""#, 1)));
    assert!(text.contains(&line(r#"shard="0",kind="debit",answer="applied""#, 0)));
}

#[test]
fn commits_snapshots_and_recovery_show() {
    let metrics = Metrics::new(1);
    let shard = metrics.shard(ShardNumber(0)).unwrap();
    shard.observe_recovery(Duration::from_millis(1500), Seq(40), 60);
    shard.observe_commit(17, 4_096, Duration::from_micros(900), Seq(117));
    shard.observe_snapshot(Duration::from_secs(2), Seq(117));
    shard.add_units_ended(UnitsEnd::Expired, Decimal::new(975, 1));
    shard.add_units_ended(UnitsEnd::Expired, Decimal::new(-1, 0));
    metrics.connections.count_errors(ErrorCode::Busy, 2);
    metrics.connections.count_closed(Closed::SlowReader);
    let text = metrics.encode();
    for line in [
        "drawdown_journal_committed_seq{shard=\"0\"} 117\n",
        "drawdown_journal_bytes_total{shard=\"0\"} 4096\n",
        "drawdown_batch_commands_bucket{le=\"64.0\",shard=\"0\"} 1\n",
        "drawdown_journal_commit_seconds_bucket{le=\"0.001\",shard=\"0\"} 1\n",
        "drawdown_snapshot_seq{shard=\"0\"} 117\n",
        "drawdown_recovery_seconds{shard=\"0\"} 1.5\n",
        "drawdown_recovery_records{shard=\"0\"} 60\n",
        "drawdown_units_ended_total{shard=\"0\",how=\"expired\"} 97.5\n",
        "drawdown_errors_total{code=\"BUSY\"} 2\n",
        "drawdown_connections_closed_total{reason=\"slow-reader\"} 1\n",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn every_name_is_described_once() {
    let text = Metrics::new(3).encode();
    let described = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut names = BTreeSet::new();
    for name in described {
        assert!(names.insert(name), "{name} is described twice");
    }
    assert_eq!(names.len(), 26);
}

#[test]
fn labels_stand_at_their_places() {
    for (place, kind) in CommandKind::ALL.iter().enumerate() {
        assert_eq!(kind.place(), place);
    }
}
