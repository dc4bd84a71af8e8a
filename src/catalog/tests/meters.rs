//! What may happen to meters, told as histories.

use super::products::{benefit, fixed, metered, product, sold};
use super::*;

const TOKENS: MeterNumber = MeterNumber(0);

fn patched(patch: MeterPatch) -> CatalogEdit {
    CatalogEdit::MeterPatch(TOKENS, Box::new(patch))
}

fn standing(standing: Standing) -> CatalogEdit {
    patched(MeterPatch { standing: Edit::To(standing), ..MeterPatch::default() })
}

fn with_meter() -> Catalog {
    catalog(&[meter(ACME, "tokens", &named("call"), COUNT)])
}

fn tokens(catalog: &Catalog) -> &Meter {
    catalog.meter(TOKENS).unwrap()
}

#[test]
fn a_patch_changes_what_it_names_and_says_when() {
    let before = with_meter();
    let unit = MeterUnit::Custom { label: "page".into(), multiplier: Some(1_000) };
    let metadata = Metadata::parse(r#"{"team":"search"}"#).unwrap();
    let patch = MeterPatch {
        name: Edit::To("pages".into()),
        unit: Edit::To(unit.clone()),
        metadata: Edit::To(metadata.clone()),
        ..MeterPatch::default()
    };
    let after = after(&before, &patched(patch.clone()), 9);
    let meter = tokens(&after);
    assert_eq!((&*meter.name, &meter.unit, &meter.metadata), ("pages", &unit, &metadata));
    assert_eq!((meter.created_at, meter.modified_at), (second(3), Some(second(9))));
    assert_eq!(meter.filter, tokens(&before).filter);
    assert_eq!(tokens(&before).modified_at, None, "the version before stays what it was");
    assert!(step(&after, &patched(patch), 10).unwrap().is_none(), "a second time nothing differs");
    assert!(step(&after, &patched(MeterPatch::default()), 10).unwrap().is_none());

    let found = |name: &str| after.find_meter(ACME, name.as_bytes()).map(|meter| meter.number);
    assert_eq!(found("pages"), Ok(TOKENS));
    assert_eq!(found("tokens"), Err(MeterLookupError::Unknown));
    assert_eq!(found(&uuid("tokens").to_string()), Ok(TOKENS));
}

#[test]
fn what_a_meter_counts_stays_once_it_has_counted() {
    let catalog = with_meter();
    let patch = |counted| MeterPatch {
        filter: Edit::To(Filter::named("chat")),
        counted,
        ..MeterPatch::default()
    };
    assert_eq!(refused(&catalog, &patched(patch(Counted::Events))), CatalogError::MeterCounted);
    let sums = Aggregation::parse(SUM).unwrap();
    let summing = MeterPatch { aggregation: Edit::To(sums), ..MeterPatch::default() };
    assert_eq!(refused(&catalog, &patched(summing)), CatalogError::MeterCounted);
    let same = MeterPatch { filter: Edit::To(Filter::named("call")), ..MeterPatch::default() };
    assert!(step(&catalog, &patched(same), 9).unwrap().is_none(), "the same filter is no change");

    let after = after(&catalog, &patched(patch(Counted::Nothing)), 9);
    assert_eq!(fed(&catalog, ACME, CALL).len(), 1);
    assert_eq!(fed(&after, ACME, CALL), []);
    assert_eq!(fed(&after, ACME, &CALL.replace("call", "chat")).len(), 1);
}

#[test]
fn a_unit_has_limits() {
    let catalog = with_meter();
    let unit = |label: &str, multiplier| {
        let unit = MeterUnit::Custom { label: label.into(), multiplier };
        patched(MeterPatch { unit: Edit::To(unit), ..MeterPatch::default() })
    };
    let longer = "é".repeat(crate::meter::LABEL_CHARS_MAX + 1);
    for (label, multiplier) in
        [("", None), (&*longer, None), ("a\nb", None), ("a", Some(0)), ("a", Some(1 << 31))]
    {
        assert_eq!(refused(&catalog, &unit(label, multiplier)), CatalogError::MeterUnit);
    }
    after(&catalog, &unit(&longer[2..], Some((1 << 31) - 1)), 9);
}

#[test]
fn an_archived_meter_collects_nothing_until_it_is_live_again() {
    let live = with_meter();
    let archived = after(&live, &standing(Standing::Archived), 9);
    assert_eq!(tokens(&archived).archived_at, Some(second(9)));
    assert_eq!((fed(&live, ACME, CALL).len(), fed(&archived, ACME, CALL).len()), (1, 0));
    assert!(step(&archived, &standing(Standing::Archived), 10).unwrap().is_none());
    let again = after(&archived, &standing(Standing::Live), 11);
    assert_eq!((tokens(&again).archived_at, tokens(&again).modified_at), (None, Some(second(11))));
    assert_eq!(fed(&again, ACME, CALL).len(), 1);
}

#[test]
fn the_name_of_an_archived_meter_is_free() {
    let archived = after(&with_meter(), &standing(Standing::Archived), 9);
    let found = |catalog: &Catalog| catalog.find_meter(ACME, b"tokens").map(|meter| meter.number);
    assert_eq!(found(&archived), Ok(TOKENS), "as long as no live one has it");
    let (filter, aggregation) = (Filter::named("chat"), Aggregation::Count);
    assert_eq!(archived.same_meter(ACME, "tokens", &filter, &aggregation), Ok(None));
    let new =
        NewMeter { id: MeterId(uuid("tokens 2")), filter, ..new_meter(ACME, "tokens", ANY, COUNT) };
    let both = after(&archived, &CatalogEdit::MeterOnce(Box::new(new.clone())), 10);
    assert_eq!(found(&both), Ok(MeterNumber(1)));
    let again = step(&both, &CatalogEdit::MeterOnce(Box::new(new)), 11).unwrap();
    assert!(again.is_none(), "the live one is there");
    let live = after(&both, &standing(Standing::Live), 12);
    assert_eq!(found(&live), Err(MeterLookupError::Ambiguous));
}

#[test]
fn a_meter_that_something_refers_to_is_not_archived() {
    let catalog = with_meter();
    let archive = standing(Standing::Archived);

    let priced = after(&catalog, &product("plan", &[fixed(1), metered(2, TOKENS)]), 4);
    assert_eq!(refused(&priced, &archive), CatalogError::MeterPriced);
    let put_away = after(&priced, &sold("plan", Standing::Archived), 5);
    let archived = after(&put_away, &archive, 6);
    assert_eq!(refused(&archived, &sold("plan", Standing::Live)), CatalogError::MeterArchived);

    let repriced = ProductPatch {
        prices: Edit::To(vec![PriceEdit::Keep(fixed(1).id)]),
        ..ProductPatch::default()
    };
    let plan = ProductId(uuid("plan"));
    let free = after(&priced, &CatalogEdit::ProductPatch(plan, Box::new(repriced)), 5);
    after(&free, &archive, 6);

    let credited = after(&catalog, &benefit("credits", TOKENS, 100), 4);
    assert_eq!(refused(&credited, &archive), CatalogError::MeterCredited);
    let deleted = CatalogEdit::BenefitDelete(BenefitId(uuid("credits")));
    let archived = after(&after(&credited, &deleted, 5), &archive, 6);
    assert_eq!(refused(&archived, &benefit("more", TOKENS, 1)), CatalogError::MeterArchived);
    let priced_late = product("late", &[fixed(1), metered(2, TOKENS)]);
    assert_eq!(refused(&archived, &priced_late), CatalogError::MeterArchived);
}

#[test]
fn a_meter_that_asks_for_one_of_several_names_is_met_by_each() {
    let either = r#"{"conjunction":"or","clauses":[
        {"property":"name","operator":"eq","value":"call"},
        {"property":"name","operator":"eq","value":"chat"}]}"#;
    let narrow = r#"{"conjunction":"and","clauses":[
        {"property":"tokens","operator":"gt","value":12},
        {"property":"name","operator":"eq","value":"call"}]}"#;
    let catalog = catalog(&[
        meter(ACME, "narrow", narrow, COUNT),
        meter(ACME, "any", ANY, COUNT),
        meter(ACME, "either", either, COUNT),
    ]);
    let places = |event: &str| -> Vec<u32> {
        fed(&catalog, ACME, event).into_iter().map(|(at, _)| at).collect()
    };
    assert_eq!(places(CALL), [0, 1, 2]);
    assert_eq!(places(&CALL.replace("12.5", "12")), [1, 2]);
    assert_eq!(places(&CALL.replace("call", "chat")), [1, 2]);
    assert_eq!(places(&CALL.replace("call", "mail")), [1]);
}
