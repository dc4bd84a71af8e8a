//! What may happen to benefits and products, told as histories.

use crate::cycle::{Interval, IntervalUnit};
use crate::grant::Rollover;
use crate::id::PriceId;
use crate::money::{Currency, Money, UnitPrice};
use crate::product::PRODUCT_PARTS_MAX;

use super::*;

const TOKENS: MeterNumber = MeterNumber(0);
const CALLS: MeterNumber = MeterNumber(1);
const THEIRS: MeterNumber = MeterNumber(2);

const MONTHLY: Interval = Interval { unit: IntervalUnit::Month, count: 1 };

fn price(id: u128, amount: PriceAmount) -> NewPrice {
    NewPrice { id: PriceId(Uuid::from_u128(id)), currency: Currency::USD, amount }
}

/// Ten dollars.
pub(super) fn fixed(id: u128) -> NewPrice {
    price(id, PriceAmount::Fixed(Money(1_000)))
}

fn free(id: u128) -> NewPrice {
    price(id, PriceAmount::Free)
}

fn costs(id: u128, cents: i64) -> NewPrice {
    price(id, PriceAmount::Fixed(Money(cents)))
}

/// Half a cent a unit, at most fifty dollars.
pub(super) fn metered(id: u128, meter: MeterNumber) -> NewPrice {
    let unit_amount = UnitPrice::new("0.5".parse().unwrap()).unwrap();
    price(id, PriceAmount::MeteredUnit { meter, unit_amount, cap: Some(Money(5_000)) })
}

fn new_product(name: &str, prices: &[NewPrice]) -> NewProduct {
    NewProduct {
        id: ProductId(uuid(name)),
        organization: ACME,
        name: name.into(),
        description: None,
        visibility: Visibility::Public,
        billing: Some(MONTHLY),
        metering: None,
        trial: None,
        prices: prices.to_vec(),
        metadata: Metadata::default(),
    }
}

/// A monthly product.
pub(super) fn product(name: &str, prices: &[NewPrice]) -> CatalogEdit {
    made(new_product(name, prices))
}

fn made(new: NewProduct) -> CatalogEdit {
    CatalogEdit::Product(Box::new(new))
}

fn patched(name: &str, patch: ProductPatch) -> CatalogEdit {
    CatalogEdit::ProductPatch(ProductId(uuid(name)), Box::new(patch))
}

pub(super) fn sold(name: &str, standing: Standing) -> CatalogEdit {
    patched(name, ProductPatch { standing: Edit::To(standing), ..ProductPatch::default() })
}

fn repriced(name: &str, prices: &[PriceEdit]) -> CatalogEdit {
    let prices = Edit::To(prices.to_vec());
    patched(name, ProductPatch { prices, ..ProductPatch::default() })
}

fn new_benefit(name: &str, meter: MeterNumber, units: u32) -> NewBenefit {
    NewBenefit {
        id: BenefitId(uuid(name)),
        organization: ACME,
        description: format!("{units} units").into(),
        meter,
        units,
        rollover: Rollover::Ends,
        metadata: Metadata::default(),
    }
}

pub(super) fn benefit(name: &str, meter: MeterNumber, units: u32) -> CatalogEdit {
    CatalogEdit::Benefit(Box::new(new_benefit(name, meter, units)))
}

fn carries(name: &str, benefits: &[&str]) -> CatalogEdit {
    let benefits = benefits.iter().map(|name| BenefitId(uuid(name))).collect();
    CatalogEdit::ProductBenefits(ProductId(uuid(name)), benefits)
}

fn find<'a>(catalog: &'a Catalog, name: &str) -> &'a Product {
    catalog.product(ProductId(uuid(name))).unwrap()
}

/// Three meters, the last one of the other organization.
fn shop(edits: &[CatalogEdit]) -> Catalog {
    let meters = [(ACME, "tokens"), (ACME, "calls"), (OTHER, "theirs")]
        .map(|(organization, name)| meter(organization, name, &named("call"), COUNT));
    catalog(&[meters.as_slice(), edits].concat())
}

#[test]
fn terms_are_the_live_prices_and_benefits_in_order() {
    let catalog = shop(&[
        benefit("first", TOKENS, 100),
        benefit("second", CALLS, 7),
        benefit("gone", TOKENS, 1),
        product("plan", &[costs(1, 0), metered(2, TOKENS)]),
        carries("plan", &["second", "gone", "first"]),
        CatalogEdit::BenefitDelete(BenefitId(uuid("gone"))),
        repriced("plan", &[PriceEdit::New(metered(3, CALLS)), PriceEdit::Keep(costs(1, 0).id)]),
    ]);
    let terms = catalog.terms(ProductId(uuid("plan"))).unwrap();
    assert_eq!(
        terms.fixed.map(|price| (price.price, price.amount)),
        Some((fixed(1).id, Money::ZERO))
    );
    let metered: Vec<_> = terms.metered.iter().map(|price| (price.price, price.meter)).collect();
    assert_eq!(metered, [(PriceId(Uuid::from_u128(3)), CALLS)]);
    let credits: Vec<_> = terms.credits.iter().map(|credit| (credit.meter, credit.units)).collect();
    assert_eq!(credits, [(CALLS, 7), (TOKENS, 100)]);
    assert_eq!((terms.billing, terms.metering, terms.trial), (Some(MONTHLY), None, None));
    assert_eq!(catalog.terms(ProductId(uuid("none"))), None);
}

#[test]
fn a_replaced_price_is_archived_and_kept() {
    let before = shop(&[product("plan", &[fixed(1), metered(2, TOKENS)])]);
    let edit =
        repriced("plan", &[PriceEdit::New(costs(3, 500)), PriceEdit::Keep(metered(2, TOKENS).id)]);
    let after = after(&before, &edit, 9);
    let product = find(&after, "plan");
    let ids =
        |prices: &[Price]| prices.iter().map(|price| price.id.0.as_u128()).collect::<Vec<_>>();
    assert_eq!((ids(&product.prices), ids(&product.archived_prices)), (vec![3, 2], vec![1]));
    assert_eq!(product.archived_prices[0].modified_at, Some(second(9)));
    assert_eq!(
        (product.prices[0].created_at, product.prices[1].created_at),
        (second(9), second(6))
    );
    assert_eq!(product.modified_at, Some(second(9)));
    let back = repriced("plan", &[PriceEdit::Keep(fixed(1).id)]);
    assert_eq!(refused(&after, &back), CatalogError::UnknownPrice, "archived for good");
    assert_eq!(ids(&find(&before, "plan").prices), [1, 2]);
}

#[test]
fn archived_prices_are_forgotten_in_the_end() {
    let mut catalog = shop(&[product("plan", &[fixed(1)])]);
    let many = u128::try_from(ARCHIVED_PRICES_MAX).unwrap() + 10;
    for id in 2..=many {
        catalog = after(&catalog, &repriced("plan", &[PriceEdit::New(fixed(id))]), 9);
    }
    let archived = &find(&catalog, "plan").archived_prices;
    assert_eq!(archived.len(), ARCHIVED_PRICES_MAX);
    assert_eq!(archived.last().unwrap().id.0.as_u128(), many - 1);
}

#[test]
fn prices_have_rules() {
    let catalog = shop(&[]);
    let refused = |prices: &[NewPrice]| refused(&catalog, &product("plan", prices));
    assert_eq!(refused(&[]), CatalogError::NoPrice);
    assert_eq!(refused(&[fixed(1), free(2)]), CatalogError::StaticPrices);
    assert_eq!(refused(&[metered(1, TOKENS), metered(2, TOKENS)]), CatalogError::MeteredPrices);
    assert_eq!(refused(&[metered(1, THEIRS)]), CatalogError::UnknownMeter);
    assert_eq!(refused(&[metered(1, MeterNumber(3))]), CatalogError::UnknownMeter);
    assert_eq!(refused(&[fixed(1), metered(1, TOKENS)]), CatalogError::IdTaken);
    assert_eq!(refused(&[costs(1, -1)]), CatalogError::Amount);
    assert_eq!(refused(&[costs(1, AMOUNT_MAX.0 + 1)]), CatalogError::Amount);
    let euro = NewPrice { currency: Currency::parse("EUR").unwrap(), ..metered(2, TOKENS) };
    assert_eq!(refused(&[fixed(1), euro]), CatalogError::Currencies);
    let many: Vec<_> = (0..=PRODUCT_PARTS_MAX).map(|id| fixed(id.try_into().unwrap())).collect();
    assert_eq!(refused(&many), CatalogError::Full);
    after(
        &catalog,
        &product("plan", &[costs(1, AMOUNT_MAX.0), metered(2, CALLS), metered(3, TOKENS)]),
        9,
    );
}

#[test]
fn what_is_free_is_a_static_price_of_zero() {
    let catalog = shop(&[
        product("free", &[free(1)]),
        product("zero", &[costs(1, 0), metered(2, TOKENS)]),
        product("paid", &[costs(1, 1)]),
        product("metered", &[metered(1, TOKENS)]),
    ]);
    let free = ["free", "zero", "paid", "metered"].map(|name| find(&catalog, name).is_free());
    assert_eq!(free, [true, true, false, false]);
    let fixed =
        |name| catalog.terms(ProductId(uuid(name))).unwrap().fixed.map(|price| price.amount);
    assert_eq!(fixed("free"), Some(Money::ZERO));
    assert_eq!(fixed("metered"), None);
}

#[test]
fn only_what_recurs_has_meters_and_trials() {
    let catalog = shop(&[]);
    let pack = NewProduct { billing: None, ..new_product("pack", &[free(1)]) };
    let missing = CatalogError::NotRecurring;
    let with = |new: NewProduct| refused(&catalog, &made(new));
    assert_eq!(with(NewProduct { trial: Some(MONTHLY), ..pack.clone() }), missing);
    assert_eq!(with(NewProduct { metering: Some(MONTHLY), ..pack.clone() }), missing);
    assert_eq!(with(NewProduct { prices: vec![metered(1, TOKENS)], ..pack.clone() }), missing);
    let after = after(&catalog, &made(pack), 9);
    let trial = ProductPatch { trial: Edit::To(Some(MONTHLY)), ..ProductPatch::default() };
    assert_eq!(refused(&after, &patched("pack", trial)), missing);
}

#[test]
fn a_meter_interval_divides_the_billing_interval() {
    use IntervalUnit::{Day, Month, Week, Year};
    let every = |count: u16, unit: IntervalUnit| Interval { unit, count };
    for (part, whole, fits) in [
        ((1, Month), (1, Year), true),
        ((1, Month), (3, Month), true),
        ((1, Month), (1, Month), true),
        ((5, Month), (1, Year), false),
        ((2, Month), (3, Month), false),
        ((6, Month), (1, Year), true),
        ((1, Year), (1, Month), false),
        ((1, Day), (1, Week), true),
        ((2, Day), (1, Week), false),
        ((1, Week), (14, Day), true),
        ((1, Day), (1, Month), false),
        ((1, Week), (1, Year), false),
        ((0, Month), (1, Year), false),
    ] {
        let (part, whole) = (every(part.0, part.1), every(whole.0, whole.1));
        assert_eq!(divides(part, whole), fits, "{part:?} {whole:?}");
        let new = NewProduct {
            billing: Some(whole),
            metering: Some(part),
            ..new_product("plan", &[free(1)])
        };
        let made = step(&shop(&[]), &made(new), 9).map(|_| ());
        assert_eq!(made, if fits { Ok(()) } else { Err(CatalogError::Interval) });
    }
    let yearly = NewProduct {
        billing: Some(every(1, Year)),
        metering: Some(every(1, Month)),
        trial: Some(every(14, Day)),
        ..new_product("plan", &[free(1)])
    };
    let terms = shop(&[made(yearly)]).terms(ProductId(uuid("plan"))).unwrap();
    assert_eq!((terms.metering, terms.trial), (Some(MONTHLY), Some(every(14, Day))));
    for count in [0, INTERVAL_COUNT_MAX + 1] {
        let new = NewProduct { trial: Some(every(count, Day)), ..new_product("plan", &[free(1)]) };
        assert_eq!(refused(&shop(&[]), &made(new)), CatalogError::Interval);
    }
}

#[test]
fn a_patch_of_a_product_changes_what_it_names() {
    let before = shop(&[product("plan", &[fixed(1)])]);
    let patch = ProductPatch {
        description: Edit::To(Some("All of it".into())),
        visibility: Edit::To(Visibility::Draft),
        ..ProductPatch::default()
    };
    let after = after(&before, &patched("plan", patch.clone()), 9);
    let product = find(&after, "plan");
    assert_eq!((&*product.name, product.description.as_deref()), ("plan", Some("All of it")));
    assert_eq!((product.visibility, product.modified_at), (Visibility::Draft, Some(second(9))));
    assert!(step(&after, &patched("plan", patch), 10).unwrap().is_none());
    for name in ["ab", &"x".repeat(PRODUCT_NAME_CHARS_MAX + 1), "nul\0nul"] {
        let patch = ProductPatch { name: Edit::To(name.into()), ..ProductPatch::default() };
        assert_eq!(refused(&after, &patched("plan", patch)), CatalogError::ProductName);
    }
    let nobody = patched("none", ProductPatch::default());
    assert_eq!(refused(&after, &nobody), CatalogError::UnknownProduct);
}

#[test]
fn what_never_changes_is_refused_in_a_record_too() {
    let catalog = shop(&[product("plan", &[fixed(1)]), benefit("first", TOKENS, 5)]);
    let refused = |change: CatalogChange| catalog.with(&change).unwrap_err();
    let product = find(&catalog, "plan").clone();
    let once = Product { billing: None, ..product.clone() };
    assert_eq!(refused(CatalogChange::Product(Arc::new(once))), CatalogError::Immutable);
    let moved = Product { organization: OTHER, ..product };
    assert_eq!(refused(CatalogChange::Product(Arc::new(moved))), CatalogError::Immutable);
    let meter = Meter::clone(catalog.meter(TOKENS).unwrap());
    let renumbered = Meter { number: CALLS, ..meter.clone() };
    assert_eq!(refused(CatalogChange::Meter(Arc::new(renumbered))), CatalogError::Immutable);
    let far = Meter { id: MeterId(uuid("far")), number: MeterNumber(9), ..meter };
    assert_eq!(refused(CatalogChange::Meter(Arc::new(far))), CatalogError::Immutable);
}

#[test]
fn benefits_have_rules() {
    let catalog = shop(&[benefit("first", TOKENS, 5)]);
    let with = |new: NewBenefit| refused(&catalog, &CatalogEdit::Benefit(Box::new(new)));
    for description in ["ab", &"é".repeat(43)] {
        let new = NewBenefit { description: description.into(), ..new_benefit("new", TOKENS, 1) };
        assert_eq!(with(new), CatalogError::BenefitDescription);
    }
    assert_eq!(with(new_benefit("new", TOKENS, 0)), CatalogError::BenefitUnits);
    assert_eq!(with(new_benefit("new", TOKENS, 1 << 31)), CatalogError::BenefitUnits);
    assert_eq!(with(new_benefit("new", THEIRS, 1)), CatalogError::UnknownMeter);
    let description = "é".repeat(42).into();
    let most = NewBenefit { description, ..new_benefit("new", TOKENS, (1 << 31) - 1) };
    after(&catalog, &CatalogEdit::Benefit(Box::new(most)), 9);

    let first = BenefitId(uuid("first"));
    let patch = |patch: BenefitPatch| CatalogEdit::BenefitPatch(first, Box::new(patch));
    let units = patch(BenefitPatch { units: Edit::To(8), ..BenefitPatch::default() });
    let more = after(&catalog, &units, 9);
    let benefit = more.benefit_of(ACME, first).unwrap();
    assert_eq!((benefit.units, benefit.modified_at), (8, Some(second(9))));
    assert_eq!(more.benefit_of(OTHER, first), None);
    assert!(step(&more, &units, 10).unwrap().is_none());
    let theirs = patch(BenefitPatch { meter: Edit::To(THEIRS), ..BenefitPatch::default() });
    assert_eq!(refused(&more, &theirs), CatalogError::UnknownMeter);
}

#[test]
fn a_deleted_benefit_leaves_every_product_and_is_kept() {
    let before = shop(&[
        benefit("first", TOKENS, 5),
        benefit("second", TOKENS, 6),
        product("plan", &[fixed(1)]),
        product("pro", &[fixed(2)]),
        product("bare", &[fixed(3)]),
        carries("plan", &["first", "second"]),
        carries("pro", &["first"]),
    ]);
    let (first, second_one) = (BenefitId(uuid("first")), BenefitId(uuid("second")));
    let delete = CatalogEdit::BenefitDelete(first);
    let deleted = after(&before, &delete, 50);
    assert_eq!(deleted.version.0, before.version.0 + 1, "one step");
    let carried = |name: &str| find(&deleted, name).benefits.clone();
    assert_eq!((carried("plan"), carried("pro")), (vec![second_one], vec![]));
    assert_eq!(find(&deleted, "plan").modified_at, Some(second(50)));
    assert_eq!(find(&deleted, "bare").modified_at, None);
    assert_eq!(deleted.benefit(first).unwrap().deleted_at, Some(second(50)));
    assert_eq!(refused(&deleted, &delete), CatalogError::UnknownBenefit);
    let patch = CatalogEdit::BenefitPatch(first, Box::default());
    assert_eq!(refused(&deleted, &patch), CatalogError::UnknownBenefit);
    assert_eq!(refused(&deleted, &carries("plan", &["first"])), CatalogError::UnknownBenefit);
    let of = |catalog: &Catalog| catalog.benefits_of(ACME).map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(of(&deleted), [first, second_one]);
    assert_eq!(deleted.benefits_of(OTHER).count(), 0);
}

#[test]
fn a_product_carries_its_own_benefits_once_each() {
    let theirs = NewBenefit { organization: OTHER, ..new_benefit("theirs", THEIRS, 5) };
    let catalog = shop(&[
        benefit("first", TOKENS, 5),
        CatalogEdit::Benefit(Box::new(theirs)),
        product("plan", &[fixed(1)]),
    ]);
    assert_eq!(refused(&catalog, &carries("plan", &["theirs"])), CatalogError::UnknownBenefit);
    assert_eq!(
        refused(&catalog, &carries("plan", &["first", "first"])),
        CatalogError::BenefitTwice
    );
    assert_eq!(refused(&catalog, &carries("none", &[])), CatalogError::UnknownProduct);
    let full = after(&catalog, &carries("plan", &["first"]), 9);
    assert!(step(&full, &carries("plan", &["first"]), 10).unwrap().is_none());
    assert_eq!(find(&after(&full, &carries("plan", &[]), 10), "plan").benefits, []);
}
