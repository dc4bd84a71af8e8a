//! The words of the ledgers: steps, and what is seen after them.

use super::*;

fn interval(text: &str) -> Interval {
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit()).unwrap();
    let unit = match &text[unit_at..] {
        "day" => IntervalUnit::Day,
        "week" => IntervalUnit::Week,
        "month" => IntervalUnit::Month,
        "year" => IntervalUnit::Year,
        other => panic!("{other} is no interval"),
    };
    Interval { unit, count: text[..unit_at].parse().unwrap() }
}

fn product(words: &[&str]) -> ProductTerms {
    let name = words[0];
    let mut terms = ProductTerms {
        product: ProductId(id(name)),
        currency: Currency::USD,
        billing: None,
        metering: None,
        trial: None,
        fixed: None,
        metered: Vec::new(),
        credits: Vec::new(),
    };
    for word in &words[1..] {
        let (what, value) = word.split_once('=').unwrap_or((word, ""));
        let values: Vec<&str> = value.split(':').collect();
        match what {
            "once" => {}
            "monthly" => terms.billing = Some(interval("1month")),
            "yearly" => terms.billing = Some(interval("1year")),
            "every" => terms.billing = Some(interval(value)),
            "meter" => terms.metering = Some(interval(value)),
            "trial" => terms.trial = Some(interval(value)),
            "currency" => terms.currency = Currency::parse(value).unwrap(),
            "fixed" => {
                let amount = Money(value.parse().unwrap());
                terms.fixed = Some(FixedPrice { price: PriceId(id(name)), amount });
            }
            "price" => terms.metered.push(MeteredPrice {
                price: PriceId(id(values[0])),
                meter: meter(values[0]),
                unit_amount: UnitPrice::new(values[1].parse().unwrap()).unwrap(),
                cap: values.get(2).map(|cap| Money(cap.parse().unwrap())),
            }),
            "credit" => terms.credits.push(Credit {
                benefit: BenefitId(id(values[0])),
                meter: meter(values[1]),
                units: values[2].parse().unwrap(),
                rollover: match values.get(3) {
                    Some(_) => Rollover::Carries,
                    None => Rollover::Ends,
                },
            }),
            other => panic!("{other} is no part of a product"),
        }
    }
    terms
}

/// `O` is the order with that id, `S/1` that of its period 1, `S/2026-03-01` that of the meter period
/// that ends then.
fn order_id(text: &str) -> OrderId {
    let Some((name, of)) = text.split_once('/') else { return OrderId(id(text)) };
    match of.parse() {
        Ok(index) => derived_id::order_of_period(subscription_id(name), index),
        Err(_) => derived_id::order_of_meter_period(subscription_id(name), at(of)),
    }
}

pub(super) fn step(world: &mut World, words: &[&str]) {
    match words {
        ["product", terms @ ..] => {
            let terms = product(terms);
            world.products.insert(terms.product, Arc::new(terms));
        }
        ["at", then] => world.pass_to(at(then)),
        ["late", then] => {
            world.now = at(then);
            world.catch_up();
        }
        ["use", name, units] => {
            world.store.draw(meter(name), units.parse().unwrap(), world.now);
        }
        ["credit", "on", "paid"] => world.credit_on = CreditOn::Paid,
        ["credit", "on", "cycle"] => world.credit_on = CreditOn::Cycle,
        ["room", room] => world.store.room = Some(room.parse().unwrap()),
        ["now", then] => world.now = at(then),
        ["and"] => {}
        words => {
            let command = command(world, words);
            world.apply(&command);
        }
    }
}

fn command(world: &World, words: &[&str]) -> CustomerCommand {
    let terms = |name: &str| Arc::clone(&world.products[&ProductId(id(name))]);
    match *words {
        ["subscribe", name, product, start, ref rest @ ..] => {
            CustomerCommand::Subscribe(Subscribe {
                subscription: subscription_id(name),
                terms: terms(product),
                start: match start {
                    "api" => Start::Api,
                    _ => Start::Checkout(CheckoutId(id(name))),
                },
                trial_end: rest.first().map(|trial| at(trial.strip_prefix("trial=").unwrap())),
            })
        }
        ["cancel", name] => {
            CustomerCommand::CancelAtPeriodEnd { subscription: subscription_id(name) }
        }
        ["uncancel", name] => CustomerCommand::Uncancel { subscription: subscription_id(name) },
        ["revoke", name] => CustomerCommand::Revoke { subscription: subscription_id(name) },
        ["clear", name] => CustomerCommand::ClearChange { subscription: subscription_id(name) },
        ["change", name, product, when] => CustomerCommand::ChangeProduct(ChangeProduct {
            subscription: subscription_id(name),
            terms: terms(product),
            when: match when {
                "now" => ChangeWhen::Now,
                "next" => ChangeWhen::NextPeriod,
                _ => ChangeWhen::Reset,
            },
        }),
        ["period", name, end] => {
            CustomerCommand::SetPeriodEnd { subscription: subscription_id(name), end: at(end) }
        }
        ["trial", name, end] => CustomerCommand::SetTrialEnd {
            subscription: subscription_id(name),
            end: if end == "now" { TrialEnd::Now } else { TrialEnd::At(at(end)) },
        },
        ["buy", order, product, ref rest @ ..] => CustomerCommand::Buy(Buy {
            order: OrderId(id(order)),
            terms: terms(product),
            checkout: None,
            payment: if rest.is_empty() { Payment::Received } else { Payment::Awaited },
        }),
        ["paid", order] => CustomerCommand::Paid { order: order_id(order) },
        ["failed", order] => CustomerCommand::Failed { order: order_id(order) },
        ["sync", product] => CustomerCommand::SyncBenefits { terms: terms(product) },
        ["delete"] => CustomerCommand::Delete,
        ["forget", count, days] => CustomerCommand::Forget(Retention {
            closed_orders_max: count.parse().unwrap(),
            age_max: days.parse::<i64>().unwrap() * 86_400_000_000,
        }),
        ["cycle", name, index, product] => CustomerCommand::Cycle(Cycle {
            subscription: subscription_id(name),
            index: index.parse().unwrap(),
            terms: terms(product),
            credit_on: world.credit_on,
        }),
        ["metercycle", name, end, product] => CustomerCommand::MeterCycle(MeterCycle {
            subscription: subscription_id(name),
            end: at(end),
            terms: terms(product),
            credit_on: world.credit_on,
        }),
        _ => panic!("{words:?} is no step"),
    }
}

fn sum<'a>(world: &'a World, of: impl Fn(&'a CustomerEffect) -> Option<Decimal>) -> String {
    let found: Vec<Decimal> = world.effects.iter().filter_map(of).collect();
    if found.is_empty() {
        return "none".to_owned();
    }
    found.into_iter().sum::<Decimal>().normalize().to_string()
}

fn day(instant: Timestamp) -> String {
    let text = instant.to_string();
    match text.strip_suffix("T00:00:00.000000Z") {
        Some(day) => day.to_owned(),
        None => text,
    }
}

fn days(period: Period) -> String {
    format!("{}..{}", day(period.start), day(period.end))
}

fn status(subscription: &Subscription) -> &'static str {
    match subscription.status {
        SubscriptionStatus::Trialing => "trialing",
        SubscriptionStatus::Active => "active",
        SubscriptionStatus::PastDue => "past_due",
        SubscriptionStatus::Canceled => "canceled",
    }
}

fn order(order: &Order) -> String {
    let reason = match order.reason {
        BillingReason::Purchase => "purchase",
        BillingReason::SubscriptionCreate => "create",
        BillingReason::SubscriptionCycle => "cycle",
        BillingReason::SubscriptionCycleAfterTrial => "after_trial",
        BillingReason::SubscriptionUpdate => "update",
        BillingReason::SubscriptionCancel => "cancel",
    };
    let status = match order.status {
        OrderStatus::Pending => "pending",
        OrderStatus::Paid => "paid",
        OrderStatus::Void => "void",
    };
    format!("{reason}:{}:{status}", order.total().0)
}

fn line(line: &OrderLine) -> String {
    let kind = match line.kind {
        OrderLineKind::Purchase => "purchase".to_owned(),
        OrderLineKind::Fixed => "fixed".to_owned(),
        OrderLineKind::Trial => "trial".to_owned(),
        OrderLineKind::Overage { units, .. } => format!("{}u", units.normalize()),
    };
    format!("{kind}:{}", line.amount.0)
}

/// The orders that the step made.
fn made(world: &World) -> impl Iterator<Item = &Order> {
    world.effects.iter().filter_map(|effect| {
        let CustomerEffect::Order { order, change: OrderChange::Created } = effect else {
            return None;
        };
        world.customer.order(*order)
    })
}

fn all(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(",") }
}

fn small(word: &impl std::fmt::Debug) -> String {
    format!("{word:?}").to_lowercase()
}

/// What `expected` should have been.
pub(super) fn see(world: &World, expected: &str) -> String {
    let (what, value) = expected.split_once('=').unwrap();
    let customer = &world.customer;
    let found = match what {
        "billed" => sum(world, |effect| {
            let CustomerEffect::Account { effect: Effect::Overage { units, .. }, .. } = effect
            else {
                return None;
            };
            Some(*units)
        }),
        "carried" => sum(world, |effect| {
            let CustomerEffect::Account { effect: Effect::Carried { amount, .. }, .. } = effect
            else {
                return None;
            };
            Some(*amount)
        }),
        "order" => all(made(world).map(order)),
        "lines" => all(made(world).flat_map(|order| &order.lines).map(line)),
        "times" => {
            all(made(world).flat_map(|order| &order.lines).filter_map(|line| line.period).map(days))
        }
        "orders" => customer.orders().len().to_string(),
        "subscriptions" => customer.subscriptions().len().to_string(),
        "grants" => customer.benefit_grants().len().to_string(),
        "did" => all(world.effects.iter().filter_map(|effect| {
            let CustomerEffect::Subscription { change, .. } = effect else { return None };
            Some(small(change))
        })),
        "granted" => all(world.effects.iter().filter_map(|effect| {
            let CustomerEffect::BenefitGrant { change, .. } = effect else { return None };
            Some(small(change))
        })),
        "ordered" => all(world.effects.iter().filter_map(|effect| {
            let CustomerEffect::Order { change, .. } = effect else { return None };
            Some(small(change))
        })),
        "refused" => world.refused.map_or("no".to_owned(), |refused| format!("{refused:?}")),
        "error" => match world.error {
            None => "no".to_owned(),
            Some(CustomerError::Account { error, .. }) => format!("{error:?}"),
            Some(error) => format!("{error:?}"),
        },
        "due" => customer.next_due().map_or("never".to_owned(), |due| day(due.at)),
        what if what.contains('@') => see_grant(customer, what),
        what if what.starts_with(|letter: char| letter.is_uppercase()) => {
            see_purchase(world, what, value)
        }
        name => world.standing(meter(name)).map(|sum| sum.normalize().to_string()).join("/"),
    };
    format!("{what}={found}")
}

fn see_grant(customer: &Customer, what: &str) -> String {
    let (benefit, purchase) = what.split_once('@').unwrap();
    let purchase = match purchase.chars().next() {
        Some('O') => Purchase::Order(OrderId(id(purchase))),
        _ => Purchase::Subscription(subscription_id(purchase)),
    };
    let grant = derived_id::benefit_grant(purchase, BenefitId(id(benefit)));
    customer.benefit_grant(grant).map_or("none".to_owned(), |grant| {
        let state = match (grant.is_live(), grant.awaits) {
            (true, None) => "live",
            (true, Some(_)) => "waits",
            (false, _) => "revoked",
        };
        format!("{state}:{}", grant.last_credit.map_or(0, |last| last.units))
    })
}

fn see_purchase(world: &World, what: &str, value: &str) -> String {
    let customer = &world.customer;
    if what.contains('/') || what.starts_with('O') {
        return customer.order(order_id(what)).map_or("none".to_owned(), order);
    }
    let (name, part) = what.split_once('.').unwrap_or((what, "status"));
    let Some(subscription) = customer.subscription(subscription_id(name)) else {
        return "none".to_owned();
    };
    match part {
        "status" => status(subscription).to_owned(),
        "period" => days(subscription.period),
        "meter" => subscription.meter_period.map_or("none".to_owned(), |meter| days(meter.period)),
        "index" => subscription.index.to_string(),
        "trial" => subscription.trial.map_or("none".to_owned(), days),
        "ends" => subscription.ends_at.map_or("never".to_owned(), day),
        "ended" => subscription.ended_at.map_or("no".to_owned(), day),
        "canceled" => subscription.canceled_at.map_or("no".to_owned(), day),
        "overdue" => subscription.past_due_at.map_or("no".to_owned(), day),
        "changed" => subscription.modified_at.map_or("no".to_owned(), day),
        "amount" => subscription.amount().0.to_string(),
        "leftover" => subscription.leftover.len().to_string(),
        "due" => {
            let (on, _) = value.split_once(':').unwrap();
            let meters = customer.subscription_meters(subscription.id, &world.store, world.now);
            let found = meters.iter().find(|found| found.meter == meter(on)).unwrap();
            let sums = world.standing(found.meter);
            assert_eq!([found.credited, found.consumed], [sums[0], sums[1]]);
            format!("{on}:{}", found.amount.0)
        }
        other => panic!("a subscription has no {other}"),
    }
}
