//! Ledgers that anyone in billing can read. Only [`check`] knows the API.
//!
//! A line is a step and, after `->`, what is seen then: `credited/consumed/balance`, `name=left` of a
//! grant, `uncovered=`, `billed=`, `carried=`, `ended=name:how`, `refused=why`, `error=why`.
//!
//! - `day 3`: time passes.
//! - `use 12`, `max 12`, `min 12`, `avg 12`, `unique x`, `debit 12`, `void name`.
//! - `grant name 10 [of S/benefit] [order O/benefit] [rolls] [priority=1] [expires=day3] [from=day2]
//!   [until=day30]`.
//! - `revoke S/benefit 10`, `revoke order O/benefit 10`.
//! - `turnover S bills|clears|leaves|starts [carries] [at=day3] [then name 10 ...]`, where `then` is
//!   followed by a grant.

#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;
use crate::grant::Purchase;
use crate::grant::Rollover;
use crate::grant::Source;
use crate::id::BenefitId;
use crate::id::GrantId;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::units::Draw;
use crate::units::Units;

mod histories;
mod limits;
mod model;
mod properties;

fn check(ledger: &str) {
    let mut account = Account::default();
    let mut now = Timestamp::EPOCH;
    for line in ledger.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (step, seen) = line.split_once("->").unwrap_or((line, ""));
        let words: Vec<&str> = step.split_whitespace().collect();
        let before = account.clone();
        let outcome = if words[0] == "day" {
            now = day(words[1]);
            account.apply(&Action::Advance, now)
        } else {
            account.apply(&parse(&words, now), now)
        };
        if outcome.is_err() {
            assert_eq!(account, before, "an error changed something: {line}");
        }
        for expected in seen.split_whitespace() {
            assert_eq!(see(&account, outcome.as_ref(), now, expected), expected, "after {line}");
        }
    }
}

/// What `expected` should have been.
fn see(
    account: &Account,
    outcome: Result<&Outcome, &AccountError>,
    now: Timestamp,
    expected: &str,
) -> String {
    let Some((what, value)) = expected.split_once('=') else {
        let standing = account.standing_at(now);
        let sums = [standing.credited, standing.consumed, standing.balance().0];
        return sums.map(|sum| sum.normalize().to_string()).join("/");
    };
    let effects = outcome.map_or(&[][..], |outcome| &outcome.effects);
    let found = match what {
        "uncovered" => account.ledger.uncovered.normalize().to_string(),
        "error" => outcome.err().map_or("none".to_owned(), |error| format!("{error:?}")),
        "refused" => match outcome.unwrap().verdict {
            Verdict::Refused(refusal) => format!("{refusal:?}"),
            Verdict::Applied => "no".to_owned(),
        },
        "billed" => {
            let units = effects.iter().find_map(|effect| {
                if let Effect::Overage { units, .. } = effect { Some(*units) } else { None }
            });
            units.map_or("nothing".to_owned(), |units| units.normalize().to_string())
        }
        "carried" => {
            let amounts = effects.iter().filter_map(|effect| {
                if let Effect::Carried { amount, .. } = effect { Some(*amount) } else { None }
            });
            amounts.sum::<Decimal>().normalize().to_string()
        }
        "due" => account.next_due().map_or("never".to_owned(), |due| {
            assert!(effects.contains(&Effect::DueAt(due)), "nobody was told of {due}");
            format!("day{}", due.since(Timestamp::EPOCH) / DAY)
        }),
        "ended" => {
            let (name, _) = value.split_once(':').unwrap();
            let ends = effects.iter().filter_map(|effect| see_end(name, effect));
            ends.collect::<Vec<_>>().join(",")
        }
        name => account
            .grants_at(now)
            .iter()
            .find(|grant| grant.id().0 == id(name))
            .map_or("gone".to_owned(), |grant| grant.left().normalize().to_string()),
    };
    format!("{what}={found}")
}

fn see_end(name: &str, effect: &Effect) -> Option<String> {
    let Effect::GrantEnded { grant, end, amount, drawn } = effect else { return None };
    (grant.0 == id(name))
        .then(|| format!("{name}:{end:?}:{}:{}", amount.normalize(), drawn.normalize()))
}

const DAY: i64 = 86_400_000_000;

fn day(text: &str) -> Timestamp {
    let days: i64 = text.trim_start_matches("day").parse().unwrap();
    Timestamp::EPOCH.saturating_add(days * DAY)
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Names are ids: up to sixteen letters.
fn id(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}

fn grant_id(name: &str) -> GrantId {
    GrantId(id(name))
}

fn parse(words: &[&str], now: Timestamp) -> Action {
    match words {
        ["use", units] => Action::Use(Posting::Draw(Draw(decimal(units)))),
        ["max", value] => Action::Use(Posting::Max(decimal(value))),
        ["min", value] => Action::Use(Posting::Min(decimal(value))),
        ["avg", value] => Action::Use(Posting::Average(decimal(value))),
        ["unique", value] => Action::Use(Posting::Unique(id(value).as_u128())),
        ["debit", units] => Action::Debit(Units::new(decimal(units)).unwrap()),
        ["void", name] => Action::Void(grant_id(name)),
        ["grant", terms @ ..] => Action::Grant(Box::new(parse_terms(terms, None, now))),
        ["revoke", "order", purchase, units] => {
            let (order, benefit) = purchase.split_once('/').unwrap();
            revoke(Purchase::Order(OrderId(id(order))), benefit, units)
        }
        ["revoke", purchase, units] => {
            let (subscription, benefit) = purchase.split_once('/').unwrap();
            revoke(Purchase::Subscription(SubscriptionId(id(subscription))), benefit, units)
        }
        ["turnover", subscription, settlement, rest @ ..] => {
            Action::Turnover(Box::new(parse_turnover(subscription, settlement, rest, now)))
        }
        _ => panic!("no such step: {words:?}"),
    }
}

fn revoke(purchase: Purchase, benefit: &str, units: &str) -> Action {
    let units = Units::new(decimal(units)).unwrap();
    Action::Revoke(Box::new(Revoke { purchase, benefit: BenefitId(id(benefit)), units }))
}

fn parse_turnover(subscription: &str, settlement: &str, rest: &[&str], now: Timestamp) -> Turnover {
    let mut parts = rest.split(|word| *word == "then");
    let options = parts.next().unwrap();
    let at = options.iter().find_map(|word| word.strip_prefix("at=")).map_or(now, day);
    let settlement = match settlement {
        "bills" => Settlement::Billed,
        "clears" => Settlement::Cleared,
        "leaves" => Settlement::Left,
        "starts" => Settlement::Baseline,
        _ => panic!("no such settlement: {settlement}"),
    };
    let carries = options.contains(&"carries");
    Turnover {
        subscription: SubscriptionId(id(subscription)),
        at,
        settlement,
        rollover: if carries { Rollover::Carries } else { Rollover::Ends },
        credits: parts.map(|terms| parse_terms(terms, Some(subscription), at)).collect(),
    }
}

fn parse_terms(words: &[&str], subscription: Option<&str>, now: Timestamp) -> GrantTerms {
    let option = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
    let after = |name: &str| {
        let place = words.iter().position(|word| *word == name)?;
        words[place + 1].split_once('/')
    };
    let period_end = option("until=").map_or(day("30"), day);
    let cycle = |subscription: &str, benefit: &str| Source::Subscription {
        subscription: SubscriptionId(id(subscription)),
        benefit: BenefitId(id(benefit)),
        period_end,
    };
    let source = match (after("of"), after("order"), subscription) {
        (Some((subscription, benefit)), _, _) => cycle(subscription, benefit),
        (None, Some((order, benefit)), _) => {
            Source::Order { order: OrderId(id(order)), benefit: BenefitId(id(benefit)) }
        }
        (None, None, Some(subscription)) => cycle(subscription, "plan"),
        (None, None, None) => Source::Manual,
    };
    GrantTerms {
        id: grant_id(words[0]),
        amount: decimal(words[1]),
        priority: option("priority=").map_or(0, |priority| priority.parse().unwrap()),
        effective_at: option("from=").map_or(now, day),
        expires_at: option("expires=").map(day),
        rollover: if words.contains(&"rolls") { Rollover::Carries } else { Rollover::Ends },
        source,
    }
}
