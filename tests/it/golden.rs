//! Golden data directories: what every version has to open with the same balances.
//!
//! `snapshots/v1` holds one of format 1, as `snapshots/README.md` says. It is added to, never
//! edited: a format that changes gets a directory of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use drawdown::account::Action;
use drawdown::account::Settlement;
use drawdown::account::Turnover;
use drawdown::benefit::Benefit;
use drawdown::catalog::Edit;
use drawdown::catalog::MeterPatch;
use drawdown::catalog::NewBenefit;
use drawdown::catalog::NewMeter;
use drawdown::catalog::NewPrice;
use drawdown::catalog::NewProduct;
use drawdown::catalog::Price;
use drawdown::catalog::PriceAmount;
use drawdown::catalog::PriceEdit;
use drawdown::catalog::Product;
use drawdown::catalog::ProductPatch;
use drawdown::catalog::Standing;
use drawdown::catalog::Visibility;
use drawdown::cycle::Interval;
use drawdown::cycle::IntervalUnit;
use drawdown::data_dir::ClockKind;
use drawdown::data_dir::DataDir;
use drawdown::data_dir::Term;
use drawdown::data_dir::Terms;
use drawdown::engine::Engine;
use drawdown::engine::EngineOptions;
use drawdown::engine::call::GrantCall;
use drawdown::engine::reply::EngineError;
use drawdown::engine::reply::Said;
use drawdown::grant::GrantTerms;
use drawdown::grant::Rollover;
use drawdown::grant::Source;
use drawdown::id::BenefitId;
use drawdown::id::GrantId;
use drawdown::id::MeterId;
use drawdown::id::PriceId;
use drawdown::id::ProductId;
use drawdown::id::SubscriptionId;
use drawdown::metadata::Metadata;
use drawdown::meter::Aggregation;
use drawdown::meter::Filter;
use drawdown::meter::Meter;
use drawdown::meter::MeterUnit;
use drawdown::money::Currency;
use drawdown::money::Money;
use drawdown::money::UnitPrice;
use drawdown::time::Timestamp;
use drawdown::token::Scope;
use drawdown::token::TokenText;
use drawdown::units::Balance;
use drawdown::units::Units;
use uuid::Uuid;

/// Set to a folder, the directory that this version writes is kept there.
const KEEP: &str = "DRAWDOWN_KEEP_GOLDEN";

const CUSTOMERS: [&str; 6] = ["anna", "bert", "cleo", "{team}:dora", "emil", "zoë"];

/// Appears behind the snapshot.
const LATE: &str = "zoë";

const METERS: [(&str, &str); 5] = [
    ("tokens", r#"{"func":"sum","property":"tokens"}"#),
    ("calls", r#"{"func":"count"}"#),
    ("peak", r#"{"func":"max","property":"tokens"}"#),
    ("mean", r#"{"func":"avg","property":"tokens"}"#),
    ("kinds", r#"{"func":"unique","property":"kind"}"#),
];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/v1")
}

fn ledger_of_golden() -> String {
    fs::read_to_string(golden().join("ledger.txt")).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != "LOCK" {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A manual clock stands where the journal ends, so nothing expires and no key is forgotten while
/// the directory lies here.
fn open(dir: &Path) -> Engine {
    open_with(dir, &EngineOptions::default())
}

fn open_with(dir: &Path, options: &EngineOptions) -> Engine {
    let terms = Terms { shards: Term::Suggested(2), clock: Term::Suggested(ClockKind::Manual) };
    let (data_dir, _) = DataDir::open_or_create(dir, terms).unwrap();
    Engine::open_in(data_dir, options).unwrap()
}

fn units(text: &str) -> Units {
    Units::parse(text.as_bytes()).unwrap()
}

fn second(number: i64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(number * 1_000_000)
}

fn credit(amount: &str, priority: i32, from: Option<i64>, until: Option<i64>) -> GrantCall {
    GrantCall {
        units: units(amount),
        priority,
        effective_at: from.map(second),
        expires_at: until.map(second),
    }
}

async fn meters(engine: &Engine) -> Vec<Arc<Meter>> {
    let mut made = Vec::new();
    for organization in ["default", "other"] {
        let known = engine.catalog().organization_named(organization).map(|known| known.number);
        let number = match known {
            Some(number) => number,
            None => engine.create_organization(organization).await.unwrap(),
        };
        for (name, aggregation) in METERS {
            let aggregation = Aggregation::parse(aggregation).unwrap();
            made.push(engine.create_meter(number, name, "call", aggregation).await.unwrap());
        }
    }
    made
}

/// What happens to the customers in one half of the history.
async fn happen(engine: &Engine, half: &str, meters: &[Arc<Meter>]) {
    let (tokens, theirs) = (&meters[0], &meters[METERS.len()]);
    for (nth, customer) in CUSTOMERS.into_iter().enumerate() {
        if half == "first" && customer == LATE {
            continue;
        }
        let key = |what: &str| format!("{half}-{what}");
        let plan = credit("100", 0, None, None);
        engine.grant(tokens, customer, plan, Some(&key("plan"))).await.unwrap();
        let promo = credit("12.345", -1, None, Some(86_400));
        engine.grant(tokens, customer, promo, Some(&key("promo"))).await.unwrap();
        let later = credit("7", 3, Some(3_600), Some(7_200));
        engine.grant(tokens, customer, later, None).await.unwrap();
        engine.debit(tokens, customer, units("2.5"), Some(&key("debit"))).await.unwrap();
        let too_much = engine.debit(tokens, customer, units("9999"), Some(&key("refused"))).await;
        assert_eq!(too_much.unwrap().0, Said::Refused);
        let used = units(&format!("{}.00000001", nth * 40));
        engine.use_units(tokens, customer, used, Some(&key("use"))).await.unwrap();
        engine.use_units(theirs, customer, units("1"), Some(&key("use"))).await.unwrap();
        let value = format!("{nth}.{}", half.len());
        let event = format!(
            r#"{{"name":"call","external_customer_id":"{customer}","external_id":"{half}","metadata":{{"tokens":{value},"kind":"{half}"}}}}"#
        );
        engine.ingest(tokens.organization, &[&event, &event]).await.unwrap();
    }
    engine.void(tokens, "bert", &format!("{half}-promo"), None).await.unwrap();
    let turnover = Action::Turnover(Box::new(cycle_end(half)));
    engine.act(tokens, "cleo", turnover, Some(&format!("{half}-cycle"))).await.unwrap();
}

fn cycle_end(half: &str) -> Turnover {
    let subscription = SubscriptionId(Uuid::from_u128(1));
    let benefit = BenefitId(Uuid::from_u128(2));
    let credited = GrantTerms {
        id: GrantId(Uuid::from_u128(half.bytes().map(u128::from).sum())),
        amount: 30.into(),
        priority: 0,
        effective_at: second(0),
        expires_at: None,
        rollover: Rollover::Carries,
        source: Source::Subscription { subscription, benefit, period_end: second(2_678_400) },
    };
    Turnover {
        subscription,
        at: second(0),
        settlement: Settlement::Billed,
        rollover: Rollover::Carries,
        credits: vec![credited],
    }
}

/// Everything else that a catalog holds: a meter that was archived, benefits of which one was
/// deleted, products of which one was repriced.
async fn stock(engine: &Engine, meters: &[Arc<Meter>]) {
    let (tokens, organization) = (&meters[0], meters[0].organization);
    let note = Metadata::parse(r#"{"note":"golden","weight":1.50}"#).unwrap();
    let label = MeterUnit::Custom { label: "page".into(), multiplier: Some(1_000) };
    let pages = NewMeter {
        id: MeterId(Uuid::from_u128(10)),
        organization,
        name: "pages".into(),
        filter: Filter::named("page"),
        aggregation: Aggregation::Count,
        unit: label,
        metadata: note.clone(),
    };
    let pages = engine.add_meter(pages).await.unwrap();
    let archived = MeterPatch { standing: Edit::To(Standing::Archived), ..MeterPatch::default() };
    engine.update_meter(pages.number, archived).await.unwrap();
    for (id, rollover) in [(20, Rollover::Ends), (21, Rollover::Carries)] {
        let benefit = NewBenefit {
            id: BenefitId(Uuid::from_u128(id)),
            organization,
            description: format!("benefit {id}").into(),
            meter: tokens.number,
            units: 100,
            rollover,
            metadata: note.clone(),
        };
        engine.create_benefit(benefit).await.unwrap();
    }
    let month = Interval { unit: IntervalUnit::Month, count: 1 };
    let price =
        |id, amount| NewPrice { id: PriceId(Uuid::from_u128(id)), currency: Currency::USD, amount };
    let unit_amount = UnitPrice::new("0.000000000125".parse().unwrap()).unwrap();
    let metered =
        PriceAmount::MeteredUnit { meter: tokens.number, unit_amount, cap: Some(Money(5_000)) };
    let plan = NewProduct {
        id: ProductId(Uuid::from_u128(30)),
        organization,
        name: "plan".into(),
        description: Some("all of it".into()),
        visibility: Visibility::Private,
        billing: Some(Interval { unit: IntervalUnit::Year, count: 1 }),
        metering: Some(month),
        trial: Some(Interval { unit: IntervalUnit::Day, count: 14 }),
        prices: vec![price(40, PriceAmount::Fixed(Money(1_999))), price(41, metered)],
        metadata: note,
    };
    let pack = NewProduct {
        id: ProductId(Uuid::from_u128(31)),
        name: "pack".into(),
        billing: None,
        metering: None,
        trial: None,
        prices: vec![price(42, PriceAmount::Free)],
        ..plan.clone()
    };
    let (plan, pack) =
        (engine.create_product(plan).await.unwrap(), engine.create_product(pack).await.unwrap());
    let benefits = [21, 20].map(|id| BenefitId(Uuid::from_u128(id)));
    for product in [plan.id, pack.id] {
        engine.set_product_benefits(product, benefits.to_vec()).await.unwrap();
    }
    engine.delete_benefit(benefits[1]).await.unwrap();
    let kept = PriceEdit::Keep(PriceId(Uuid::from_u128(41)));
    let repriced = vec![PriceEdit::New(price(43, PriceAmount::Fixed(Money(2_999)))), kept];
    let patch = ProductPatch { prices: Edit::To(repriced), ..ProductPatch::default() };
    engine.update_product(plan.id, patch).await.unwrap();
    let archived =
        ProductPatch { standing: Edit::To(Standing::Archived), ..ProductPatch::default() };
    engine.update_product(pack.id, archived).await.unwrap();
}

/// What [`stock`] made.
fn inventory(engine: &Engine, out: &mut String) {
    let catalog = engine.catalog();
    let organization = catalog.organization_named("default").unwrap().number;
    let pages = catalog.find_meter(organization, b"pages").unwrap();
    let MeterUnit::Custom { label, multiplier } = &pages.unit else { panic!("{:?}", pages.unit) };
    let since = pages.archived_at.unwrap();
    writeln!(out, "pages: {multiplier:?} {label}, {}, archived at {since}", pages.metadata)
        .unwrap();
    for benefit in catalog.benefits_of(organization) {
        let Benefit { description, units, rollover, deleted_at, .. } = &**benefit;
        let until = deleted_at.map_or("ever".to_owned(), |end| end.to_string());
        writeln!(out, "{description}: {units}, {rollover:?}, until {until}").unwrap();
    }
    for product in catalog.products_of(organization) {
        let Product { name, description, visibility, standing, .. } = &**product;
        writeln!(out, "{name}: {description:?}, {visibility:?}, {standing:?}").unwrap();
        for interval in [product.billing, product.metering, product.trial].into_iter().flatten() {
            writeln!(out, "  {} {:?}", interval.count, interval.unit).unwrap();
        }
        let archived = product.archived_prices.iter().filter_map(Price::fixed);
        for was in archived {
            writeln!(out, "  was {} {}", was.amount.0, product.currency()).unwrap();
        }
        let terms = catalog.terms(product.id).unwrap();
        writeln!(out, "  is {:?}", terms.fixed.map(|fixed| fixed.amount.0)).unwrap();
        for price in terms.metered {
            let (unit, cap) = (price.unit_amount, price.cap.map(|cap| cap.0));
            writeln!(out, "  meter {} at {unit}, at most {cap:?}", price.meter).unwrap();
        }
        for credit in terms.credits {
            writeln!(out, "  meter {} {} {:?}", credit.meter, credit.units, credit.rollover)
                .unwrap();
        }
    }
}

/// Makes a directory as this version writes it: snapshots, and journals behind them.
async fn make(dir: &Path) {
    let live = dir.with_extension("live");
    let options = EngineOptions { catalog_snapshot_records: 6, ..EngineOptions::default() };
    let engine = open_with(&live, &options);
    let begun = meters(&engine).await;
    engine.drain().await.unwrap();
    drop(engine);
    let images = fs::read_dir(live.join("catalog/snapshots")).unwrap();
    assert!(images.count() > 0, "the catalog has a snapshot");
    let engine = open(&live);
    stock(&engine, &begun).await;
    let meters = meters(&engine).await;
    let organization = meters[0].organization;
    for (secret, scope) in [(1, Scope::Admin), (2, Scope::Ingest), (3, Scope::Read)] {
        let secret = TokenText::mint(&[secret; 32]);
        let id = engine.create_token(organization, scope, &secret).await.unwrap();
        if scope == Scope::Read {
            engine.revoke_token(id).await.unwrap();
        }
    }
    happen(&engine, "first", &meters).await;
    engine.snapshot().await.unwrap();
    happen(&engine, "second", &meters).await;
    // Everything acknowledged is in the files; draining would put it into another snapshot.
    copy(&live, dir);
    engine.drain().await.unwrap();
}

/// Everything that can be asked, as text.
async fn ledger(engine: &Engine) -> String {
    let mut out = String::new();
    for customer in CUSTOMERS {
        for meter in meters(engine).await {
            let balance = engine.balance(&meter, customer).await.unwrap();
            let state = engine.state(meter.organization, customer).await.unwrap();
            let Some(state) = state.iter().find(|state| state.meter == meter.number) else {
                writeln!(out, "{customer} {} {}: never moved", meter.organization, meter.name)
                    .unwrap();
                continue;
            };
            let [credited, consumed] = [state.credited, state.consumed].map(Balance);
            writeln!(
                out,
                "{customer} {} {}: {credited} - {consumed} = {balance}",
                meter.organization, meter.name
            )
            .unwrap();
            for grant in engine.grants(&meter, customer).await.unwrap() {
                let [drawn, amount] = [grant.drawn, grant.amount].map(Balance);
                let until = grant.expires_at.map_or("ever".to_owned(), |end| end.to_string());
                writeln!(
                    out,
                    "  {drawn} of {amount}, priority {}, until {until}, {:?}",
                    grant.priority, grant.rollover
                )
                .unwrap();
            }
        }
    }
    inventory(engine, &mut out);
    repeats(engine, &mut out).await;
    for secret in 1..=3 {
        let secret = TokenText::mint(&[secret; 32]);
        let catalog = engine.catalog();
        let token = catalog.token_presented(secret.as_str().as_bytes(), engine.now());
        let scopes = token.map_or("none".to_owned(), |token| token.scopes.to_string());
        writeln!(out, "token: {scopes}").unwrap();
    }
    out
}

/// What became of the keys: asking again changes nothing.
async fn repeats(engine: &Engine, out: &mut String) {
    let meters = meters(engine).await;
    let (tokens, organization) = (&meters[0], meters[0].organization);
    for half in ["first", "second"] {
        for (what, amount) in [("debit", "2.50"), ("refused", "9999"), ("debit", "3")] {
            let key = format!("{half}-{what}");
            let said = engine.debit(tokens, "anna", units(amount), Some(&key)).await;
            let said = match said {
                Ok((said, balance)) => format!("{} {balance}", said.word()),
                Err(EngineError::KeyConflict) => "conflict".to_owned(),
                Err(other) => panic!("{other}"),
            };
            writeln!(out, "anna again, {key} {amount}: {said}").unwrap();
        }
        let event =
            format!(r#"{{"name":"call","external_customer_id":"bert","external_id":"{half}"}}"#);
        let (new, known) = engine.ingest(organization, &[&event]).await.unwrap();
        writeln!(out, "bert again, event {half}: {new} new, {known} known").unwrap();
    }
}

#[tokio::test]
async fn a_directory_of_format_1_opens_with_the_same_balances() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    copy(&golden().join("data"), &data);
    for _ in 0..2 {
        let engine = open(&data);
        assert_eq!(ledger(&engine).await, ledger_of_golden());
        engine.drain().await.unwrap();
    }
}

/// The golden directory is made like this, so that it can be made for the next format too.
#[tokio::test]
async fn what_this_version_writes_has_the_same_balances() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    make(&data).await;
    if let Some(keep) = std::env::var_os(KEEP) {
        copy(&data, &Path::new(&keep).join("data"));
    }
    let engine = open(&data);
    let ledger = ledger(&engine).await;
    engine.drain().await.unwrap();
    if let Some(keep) = std::env::var_os(KEEP) {
        fs::write(Path::new(&keep).join("ledger.txt"), &ledger).unwrap();
    }
    assert_eq!(ledger, ledger_of_golden());
}
