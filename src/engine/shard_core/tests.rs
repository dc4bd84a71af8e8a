//! What holds for a shard whatever is asked of it, and in which order what happens.

use proptest::prelude::*;

use super::*;
use crate::engine::rig::Rig;
use crate::engine::rig::script::Script;
use crate::journal::memory::{Fault, Unsynced};

fn all(expected: &[(u64, &[&str])]) -> Vec<(u64, Vec<String>)> {
    let owned = |replies: &[&str]| replies.iter().map(|&reply| reply.to_owned()).collect();
    expected.iter().map(|(ticket, replies)| (*ticket, owned(replies))).collect()
}

#[test]
fn a_day_of_a_prepaid_customer() {
    Rig::new().check(
        "
        balance anna tokens                     -> 0
        debit anna tokens 1                     -> refused 0
        grant anna tokens 100 key=welcome       -> applied 100
        debit anna tokens 2.5 key=r1            -> applied 97.5
        debit anna tokens 2.5 key=r1            -> duplicate 97.5
        debit anna tokens 1000 key=r2           -> refused 97.5
        use anna tokens 112.5 key=r3            -> applied -15
        debit anna tokens 1000 key=r2           -> duplicate-refused -15
        debit anna tokens 2.50 key=r1           -> duplicate -15
        debit anna tokens 3 key=r1              -> key used with another body
        use anna tokens 2.5 key=r1              -> key used with another body
        debit anna calls 2.5 key=r1             -> key used with another body
        grant bert tokens 7 key=welcome         -> applied 7
        void bert tokens welcome key=v          -> applied 0
        void bert tokens welcome key=v          -> duplicate 0
        void bert tokens welcome                -> refused 0
        state anna                              -> tokens=100-115
        state bert                              -> tokens=0-0
        state nobody                            ->
        ",
    );
}

#[test]
fn an_event_feeds_several_meters_and_its_id_counts_once() {
    Rig::new().check(
        "
        event anna tokens=12.5 kind=chat id=e1  -> new=1 known=0
        event anna tokens=99 kind=mail id=e1    -> new=0 known=1
        event anna tokens=2 kind=chat           -> new=1 known=0
        event bert tokens=1 id=e1               -> new=1 known=0
        use anna tokens 1 key=e1                -> applied -15.5
        state anna                              -> calls=0-2 tokens=0-15.5 peak=0-12.5 kinds=0-1
        ",
    );
}

/// `tokens` comes before `peak`, so one of them would have moved already.
#[test]
fn an_event_that_overflows_one_meter_feeds_none_and_takes_no_key() {
    let huge = "9000000000000000000000000000";
    let mut rig = Rig::new();
    rig.check(&format!("use anna tokens {huge} -> applied -{huge}"));
    let before = rig.state();
    rig.check(&format!(
        "
        event anna tokens={huge} kind=x id=e1 -> a total would have more than 28 digits
        state anna                            -> tokens=0-{huge}
        "
    ));
    assert_ne!(rig.state(), before, "it stands in the journal all the same");
    rig.check("event anna kind=x id=e1 -> new=1 known=0");
}

#[test]
fn an_error_changes_nothing_and_takes_no_key() {
    let long = "x".repeat(257);
    let mut rig = Rig::new();
    rig.check(&format!(
        "
        grant anna tokens 5 key=k expires=0    -> expiry is not after now
        grant anna tokens 5 key=k from=9 expires=9 -> expiry is not after now
        use {long} tokens 5                    -> a customer is named by 1 to 256 bytes of UTF-8 without NUL
        use anna tokens 5 key={long}           -> an idempotency key has at most 256 bytes
        balance {long} tokens                  -> 0
        grant anna tokens 5 key=k              -> applied 5
        "
    ));
}

#[test]
fn duplicates_inside_one_batch_count_once() {
    let mut rig = Rig::new();
    let event = "event anna tokens=5 id=e1";
    rig.submit(&[event, event, "event anna tokens=6 id=e1", "balance anna tokens"], Place::First);
    rig.submit(
        &["debit anna tokens 1 key=k", "use anna tokens 1 key=u", "use anna tokens 1 key=u"],
        Place::Behind,
    );
    rig.commit().unwrap();
    rig.apply();
    let ingested = ["new=1 known=0", "new=0 known=1", "new=0 known=1", "-5"];
    assert_eq!(
        rig.answers(),
        all(&[(1, &ingested), (2, &["refused -5", "applied -6", "duplicate -6"])])
    );
}

#[test]
fn nothing_is_answered_before_its_commit() {
    let mut rig = Rig::new();
    rig.submit(&["grant anna tokens 9", "balance anna tokens"], Place::First);
    rig.apply();
    assert_eq!(rig.answers(), []);
    assert_eq!(rig.core.shard.customers_len(), 0, "memory never runs ahead of the disk");
    rig.commit().unwrap();
    assert_eq!(rig.answers(), []);
    rig.apply();
    assert_eq!(rig.answers(), all(&[(1, &["applied 9", "9"])]));
}

#[test]
fn a_read_sees_the_writes_before_it_and_none_after() {
    let mut rig = Rig::new();
    rig.check("grant anna tokens 10 -> applied 10");
    rig.submit(&["debit anna tokens 1"], Place::First);
    rig.submit(&["balance anna tokens", "balance bert tokens"], Place::Behind);
    rig.submit(&["debit anna tokens 2", "balance anna tokens"], Place::Behind);
    // Its caller has nothing under way: it is told what is durable, at once.
    rig.submit(&["balance anna tokens"], Place::First);
    assert_eq!(rig.answers(), all(&[(5, &["10"])]));
    rig.commit().unwrap();
    rig.apply();
    assert_eq!(
        rig.answers(),
        all(&[(2, &["applied 9"]), (3, &["9", "0"]), (4, &["applied 7", "7"])])
    );
}

#[test]
fn what_is_refused_at_the_door_keeps_its_place() {
    let mut rig = Rig::new();
    let long = format!("use anna tokens 1 key={}", "x".repeat(257));
    rig.submit(&["use anna tokens 1", &long, "use anna tokens 2"], Place::First);
    rig.commit().unwrap();
    rig.apply();
    let refused = "an idempotency key has at most 256 bytes";
    assert_eq!(rig.answers(), all(&[(1, &["applied -1", refused, "applied -3"])]));
}

#[test]
fn a_failed_commit_answers_everybody_with_an_error_and_applies_nothing() {
    for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn { frames: 0, bytes: 9 }] {
        let mut rig = Rig::new();
        rig.check("grant anna tokens 10 key=g -> applied 10");
        let before = rig.state();
        rig.disk.fail(Fault::Commit { after: 0, unsynced });
        rig.submit(&["debit anna tokens 1 key=d", "balance anna tokens"], Place::First);
        rig.submit(&["balance anna tokens"], Place::Behind);
        assert!(rig.commit().is_err());
        rig.apply();
        rig.submit(&["debit anna tokens 1"], Place::First);
        rig.submit(&["balance anna tokens"], Place::First);
        rig.apply();
        let stopping = "the engine is stopping";
        let expected: &[(u64, &[&str])] =
            &[(2, &[stopping, stopping]), (3, &[stopping]), (4, &[stopping]), (5, &[stopping])];
        assert_eq!(rig.answers(), all(expected));
        assert!(rig.state().same_as(&before));
        // Only the disk knows what became of it; a repeat tells the caller.
        let mut rig = rig.restarted(Unsynced::Lost);
        let repeated = if unsynced == Unsynced::Kept { "duplicate 9" } else { "applied 9" };
        assert_eq!(rig.ask("debit anna tokens 1 key=d"), repeated);
    }
}

#[test]
fn too_much_in_flight_is_answered_busy_in_its_place() {
    let mut rig = Rig::with_steps_pending_max(3);
    rig.submit(&["use anna tokens 1", "use anna tokens 2"], Place::First);
    rig.submit(&["use anna tokens 4"], Place::Behind);
    rig.submit(&["balance anna tokens"], Place::First);
    assert_eq!(rig.answers(), []);
    rig.commit().unwrap();
    rig.apply();
    let busy = "too many commands in flight";
    assert_eq!(
        rig.answers(),
        all(&[(1, &["applied -1", "applied -3"]), (2, &[busy]), (3, &[busy])])
    );
    rig.check("use anna tokens 4 -> applied -7");
}

#[test]
fn an_expiry_is_a_command_at_its_time() {
    let mut rig = Rig::new();
    rig.check(
        "
        grant anna tokens 10 expires=5  -> applied 10
        grant anna tokens 20 expires=9  -> applied 30
        grant anna tokens 40 from=7     -> applied 30
        ",
    );
    assert_eq!(rig.timers(), [5]);
    rig.sleep(4);
    assert_eq!(rig.fire_timers(), 0);
    rig.sleep(1);
    rig.check("balance anna tokens -> 20");
    let before = rig.core.shard.applied;
    assert_eq!(rig.fire_timers(), 1);
    rig.commit().unwrap();
    rig.apply();
    assert_eq!(rig.core.shard.applied, before.next(), "one record");
    assert_eq!(rig.timers(), [7], "the next one is set");
    rig.sleep(2);
    rig.fire_timers();
    rig.commit().unwrap();
    rig.apply();
    rig.check("grants anna tokens -> 0/20 0/40");
    assert_eq!(rig.timers(), [9]);
    assert_eq!(rig.answers(), [], "nobody asked for it");
}

#[test]
fn a_timer_that_a_command_overtook_sets_the_next_one_and_journals_nothing() {
    let mut rig = Rig::new();
    rig.check(
        "
        grant anna tokens 10 expires=5  -> applied 10
        grant anna tokens 20 expires=9  -> applied 30
        ",
    );
    rig.sleep(6);
    // The command does what was due. Its own timer is lost, as if the scheduler were late.
    rig.check("use anna tokens 1 -> applied 19");
    let before = rig.core.shard.applied;
    rig.forget_timers_after(5);
    assert_eq!(rig.fire_timers(), 1);
    rig.commit().unwrap();
    rig.apply();
    assert_eq!(rig.core.shard.applied, before);
    assert_eq!(rig.timers(), [9]);
    rig.sleep(3);
    rig.fire_timers();
    rig.commit().unwrap();
    rig.apply();
    assert!(rig.timers().is_empty());
    rig.check("state anna -> tokens=0-0");
}

#[test]
fn a_restart_sets_the_timers_anew() {
    let mut rig = Rig::new();
    rig.check(
        "
        grant anna tokens 10 expires=5  -> applied 10
        grant bert calls 20 expires=9   -> applied 20
        grant bert tokens 20            -> applied 20
        ",
    );
    assert_eq!(rig.restarted(Unsynced::Lost).timers(), [5, 9]);
}

#[test]
fn a_new_catalog_is_a_record_of_its_own() {
    let mut rig = Rig::new();
    rig.check("use anna tokens 1 -> applied -1");
    rig.propose_catalog();
    assert_eq!(rig.core.shard.catalog.0, 0);
    rig.commit().unwrap();
    rig.apply();
    assert_eq!(rig.core.shard.catalog.0, 5);
    assert_eq!(rig.answers(), []);
    let live = rig.state();
    assert_eq!(rig.restarted(Unsynced::Lost).state(), live);
}

/// Lines, groups, commits, restarts of nothing, and time, as a seed says.
fn live(rig: &mut Rig, script: &mut Script, steps: u32, mut between: impl FnMut(&mut Rig)) {
    for _ in 0..steps {
        let lines: Vec<String> = (0..=script.below(4)).map(|_| script.line()).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        rig.submit(&lines, Place::Behind);
        if script.below(3) == 0 {
            rig.commit().unwrap();
        }
        if script.below(3) == 0 {
            rig.apply();
        }
        if script.below(4) == 0 {
            rig.sleep(i64::from(script.below(6)));
            rig.fire_timers();
        }
        between(rig);
    }
    rig.commit().unwrap();
    rig.apply();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn replay_equals_live(seed: u64) {
        let (mut rig, mut script) = (Rig::new(), Script::new(seed, 4));
        for _ in 0..3 {
            live(&mut rig, &mut script, 30, |_| ());
            let before = rig.state();
            rig = rig.restarted(Unsynced::Lost);
            prop_assert_eq!(rig.state(), before);
        }
    }

    #[test]
    fn a_journal_that_is_cut_gives_what_was_committed_before_the_cut(seed: u64) {
        let (mut rig, mut script) = (Rig::new(), Script::new(seed, 3));
        let mut states = vec![rig.state()];
        for _ in 0..12 {
            let lines: Vec<String> = (0..=script.below(6)).map(|_| script.line()).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            rig.submit(&lines, Place::Behind);
            rig.commit().unwrap();
            rig.apply();
            rig.sleep(i64::from(script.below(4)));
            states.push(rig.state());
        }
        let last = states.last().unwrap().clone();
        for (frames, state) in states.into_iter().enumerate() {
            let bytes = usize::try_from(script.below(90)).unwrap();
            for bytes in [0, bytes] {
                let cut = rig.mirror.copy();
                cut.crash(Unsynced::Torn { frames, bytes });
                let recovered = rig.beside(&cut).state();
                prop_assert!(recovered.same_as(&state), "{} frames, {} bytes", frames, bytes);
            }
        }
        prop_assert_eq!(rig.state(), last);
    }

    /// However calls are grouped, committed and applied, the answers are the same.
    #[test]
    fn batches_change_no_answer(seed: u64) {
        let mut script = Script::new(seed, 3);
        let lines: Vec<String> = (0..60).map(|nth| {
            if nth % 5 == 4 {
                let customer = script.customer();
                script.read_of(&customer)
            } else {
                script.line()
            }
        }).collect();
        let mut single = Rig::new();
        let expected: Vec<String> = lines.iter().map(|line| single.ask(line)).collect();
        let mut batched = Rig::new();
        let mut rest = lines.as_slice();
        while !rest.is_empty() {
            let count = usize::try_from(script.below(7) + 1).unwrap().min(rest.len());
            let (group, after) = rest.split_at(count);
            batched.submit(&group.iter().map(String::as_str).collect::<Vec<_>>(), Place::Behind);
            rest = after;
            if script.below(3) == 0 {
                batched.commit().unwrap();
                batched.apply();
            }
        }
        batched.commit().unwrap();
        batched.apply();
        let answers: Vec<String> =
            batched.answers().into_iter().flat_map(|(_, replies)| replies).collect();
        prop_assert_eq!(answers, expected);
    }

    /// Whatever was asked before, asking it again changes nothing and learns what the first learnt.
    #[test]
    fn a_repeat_changes_nothing_and_learns_the_first_verdict(seed: u64) {
        let (mut rig, mut script) = (Rig::new(), Script::new(seed, 2));
        live(&mut rig, &mut script, 20, |_| ());
        rig.answers();
        let customer = script.customer();
        for (verb, nth) in [("debit", 0), ("use", 1), ("grant", 2), ("debit", 3), ("void", 4)] {
            let what = if verb == "void" { "n2".to_owned() } else { format!("{}", nth * 700 + 1) };
            let line = format!("{verb} {customer} tokens {what} key=n{nth}");
            let first = rig.ask(&line);
            let (state, applied) = (rig.state(), rig.core.shard.applied);
            let again = rig.ask(&line);
            let balance = rig.ask(&format!("balance {customer} tokens"));
            let expected = match first.split(' ').next().unwrap() {
                "applied" => format!("duplicate {balance}"),
                "refused" => format!("duplicate-refused {balance}"),
                _ => again.clone(),
            };
            prop_assert_eq!(&again, &expected, "{} was answered {}", line, first);
            prop_assert_eq!(rig.core.shard.applied, applied.next());
            prop_assert!(rig.state().differs_in_position_alone(&state));
        }
        let event = format!("event {customer} tokens=3 kind=q id=n");
        prop_assert_eq!(rig.ask(&event), "new=1 known=0");
        let state = rig.state();
        prop_assert_eq!(rig.ask(&event), "new=0 known=1");
        prop_assert!(rig.state().differs_in_position_alone(&state));
    }

    /// Customers know nothing of each other: which of two comes first matters to neither.
    #[test]
    fn the_order_of_two_customers_does_not_matter(seed: u64) {
        let mut script = Script::new(seed, 2);
        let customers = ["customer-0", "customer-1"];
        let lines: Vec<(usize, String)> = (0..40).map(|_| {
            let place = usize::try_from(script.below(2)).unwrap();
            (place, script.line_of(customers[place]))
        }).collect();
        let mut mixed = Rig::new();
        let mut expected = [Vec::new(), Vec::new()];
        for (place, line) in &lines {
            expected[*place].push(mixed.ask(line));
        }
        let mut sorted = Rig::new();
        for (place, expected) in expected.iter().enumerate().rev() {
            let own = lines.iter().filter(|(own, _)| *own == place);
            let answers: Vec<String> = own.map(|(_, line)| sorted.ask(line)).collect();
            prop_assert_eq!(&answers, expected);
        }
        for customer in customers {
            for read in ["state", "grants", "balance"] {
                let line = if read == "state" { format!("state {customer}") } else { format!("{read} {customer} tokens") };
                prop_assert_eq!(mixed.ask(&line), sorted.ask(&line));
            }
        }
    }
}
