use crate::metadata::Metadata;
use crate::meter::MeterUnit;
use crate::token::Scope;

use super::*;

const ACME: OrganizationNumber = OrganizationNumber(0);
const OTHER: OrganizationNumber = OrganizationNumber(1);

mod meters;
mod products;
mod sharing;

fn organization(name: &str) -> CatalogEdit {
    CatalogEdit::Organization(OrganizationId(uuid(name)), name.to_owned())
}

fn new_meter(organization: OrganizationNumber, name: &str, filter: &str, sums: &str) -> NewMeter {
    NewMeter {
        id: MeterId(uuid(name)),
        organization,
        name: name.into(),
        filter: Filter::parse(filter).unwrap(),
        aggregation: Aggregation::parse(sums).unwrap(),
        unit: MeterUnit::Scalar,
        metadata: Metadata::default(),
    }
}

fn meter(organization: OrganizationNumber, name: &str, filter: &str, sums: &str) -> CatalogEdit {
    CatalogEdit::Meter(Box::new(new_meter(organization, name, filter, sums)))
}

fn new_token(id: u128, organization: OrganizationNumber, secret: &str) -> NewToken {
    NewToken {
        id: TokenId(Uuid::from_u128(id)),
        organization,
        scopes: Scope::Read.into(),
        hash: TokenHash::of(secret.as_bytes()),
        comment: Box::default(),
        expires_at: None,
    }
}

fn token(id: u128, organization: OrganizationNumber, secret: &str) -> CatalogEdit {
    CatalogEdit::Token(Box::new(new_token(id, organization, secret)))
}

fn second(number: i64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(number * 1_000_000)
}

/// The step that `edit` comes to, taken at this second; none when nothing differs.
fn step(catalog: &Catalog, edit: &CatalogEdit, at: i64) -> Result<Option<Catalog>, CatalogError> {
    let Some(change) = catalog.resolve(edit.clone(), second(at))? else { return Ok(None) };
    let next = catalog.with(&change)?;
    assert_eq!(next.version.0, catalog.version.0 + 1);
    Ok(Some(next))
}

fn after(catalog: &Catalog, edit: &CatalogEdit, at: i64) -> Catalog {
    step(catalog, edit, at).unwrap().expect("something differs")
}

/// Names are ids: up to sixteen letters.
fn uuid(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}

/// The catalog after `edits`, all of which are allowed, at the seconds 1, 2, 3 and so on.
fn catalog(edits: &[CatalogEdit]) -> Catalog {
    let first = [organization("acme"), organization("other")];
    let all = first.iter().chain(edits).zip(1..);
    all.fold(Catalog::new(), |catalog, (edit, at)| after(&catalog, edit, at))
}

fn refused(catalog: &Catalog, edit: &CatalogEdit) -> CatalogError {
    step(catalog, edit, 100).unwrap_err()
}

fn named(event: &str) -> String {
    Filter::named(event).to_json()
}

const COUNT: &str = r#"{"func":"count"}"#;
const SUM: &str = r#"{"func":"sum","property":"tokens"}"#;
const ANY: &str = r#"{"conjunction":"and","clauses":[]}"#;

/// The meters that an event feeds, by number, and how much of it draws.
fn fed(catalog: &Catalog, organization: OrganizationNumber, event: &str) -> Vec<(u32, String)> {
    let event = Event::parse(event.as_bytes(), Timestamp::EPOCH).unwrap();
    let postings = catalog.postings(organization, &event);
    let amount = |posting| match posting {
        Posting::Draw(draw) => draw.to_string(),
        Posting::Max(_) | Posting::Min(_) | Posting::Average(_) | Posting::Unique(_) => {
            panic!("{posting:?}")
        }
    };
    postings.into_iter().map(|(meter, posting)| (meter.0, amount(posting))).collect()
}

const CALL: &str = r#"{"name":"call","external_customer_id":"anna","metadata":{"tokens":12.5}}"#;

#[test]
fn a_change_makes_the_next_version_and_leaves_the_one_before() {
    let before = catalog(&[]);
    let after = after(&before, &meter(ACME, "tokens", &named("call"), COUNT), 3);
    assert_eq!((before.version, after.version), (CatalogVersion(2), CatalogVersion(3)));
    assert_eq!((before.meters().count(), after.meters().count()), (0, 1));
    assert_eq!(&*after.meter(MeterNumber(0)).unwrap().name, "tokens");
    assert!(after.meter(MeterNumber(1)).is_none());
}

#[test]
fn organizations_have_names_of_their_own() {
    let catalog = catalog(&[]);
    assert_eq!(refused(&catalog, &organization("acme")), CatalogError::NameTaken);
    for name in ["", "tab\there", &"x".repeat(NAME_BYTES_MAX + 1)] {
        let edit = CatalogEdit::Organization(OrganizationId(Uuid::nil()), name.to_owned());
        assert_eq!(refused(&catalog, &edit), CatalogError::Name);
    }
    assert_eq!(
        catalog.organizations().map(|one| &*one.name).collect::<Vec<_>>(),
        ["acme", "other"]
    );
    let (acme, other) = (catalog.organization(ACME).unwrap(), catalog.organization(OTHER).unwrap());
    assert_eq!((acme.name.as_str(), acme.number), ("acme", ACME));
    assert_eq!(catalog.organization_named("other"), Some(other));
    assert_eq!(catalog.organization_named("nobody"), None);
}

#[test]
fn what_belongs_to_an_organization_needs_one() {
    let (catalog, nobody) = (catalog(&[]), OrganizationNumber(2));
    let missing = CatalogError::UnknownOrganization;
    assert_eq!(refused(&catalog, &meter(nobody, "m", ANY, COUNT)), missing);
    assert_eq!(refused(&catalog, &token(1, nobody, "secret")), missing);
}

#[test]
fn a_meter_is_found_by_name_then_by_id_within_its_organization() {
    let catalog = catalog(&[
        meter(ACME, "tokens", &named("call"), COUNT),
        meter(OTHER, "minutes", &named("call"), COUNT),
    ]);
    let found = |organization, name: &str| {
        catalog.find_meter(organization, name.as_bytes()).map(|meter| meter.number)
    };
    assert_eq!(found(ACME, "tokens"), Ok(MeterNumber(0)));
    assert_eq!(found(ACME, &uuid("tokens").to_string()), Ok(MeterNumber(0)));
    assert_eq!(found(ACME, "minutes"), Err(MeterLookupError::Unknown));
    assert_eq!(found(ACME, &uuid("minutes").to_string()), Err(MeterLookupError::Unknown));
    assert_eq!(found(OTHER, "minutes"), Ok(MeterNumber(1)));
    assert_eq!(catalog.find_meter(ACME, b"\xff"), Err(MeterLookupError::Unknown));
}

#[test]
fn a_name_that_two_meters_share_is_ambiguous() {
    let id = MeterId(uuid("tokens 2"));
    let second = NewMeter { id, ..new_meter(ACME, "tokens", &named("call"), SUM) };
    let catalog = catalog(&[
        meter(ACME, "tokens", &named("call"), COUNT),
        CatalogEdit::Meter(Box::new(second)),
    ]);
    assert_eq!(refused(&catalog, &meter(ACME, "tokens", ANY, COUNT)), CatalogError::IdTaken);
    assert_eq!(catalog.find_meter(ACME, b"tokens"), Err(MeterLookupError::Ambiguous));
    let same = |sums: &str| {
        let (filter, aggregation) = (Filter::named("call"), Aggregation::parse(sums).unwrap());
        catalog
            .same_meter(ACME, "tokens", &filter, &aggregation)
            .map(|meter| meter.map(|meter| meter.number))
    };
    assert_eq!(same(COUNT), Ok(Some(MeterNumber(0))));
    assert_eq!(same(SUM), Ok(Some(MeterNumber(1))));
    assert_eq!(same(r#"{"func":"max","property":"tokens"}"#), Err(CatalogError::MeterDiffers));
    let elsewhere =
        catalog.same_meter(OTHER, "tokens", &Filter::named("call"), &Aggregation::Count);
    assert_eq!(elsewhere, Ok(None));
}

#[test]
fn an_event_feeds_every_meter_of_its_organization_that_matches() {
    let either = r#"{"conjunction":"or","clauses":[
        {"property":"name","operator":"eq","value":"call"},
        {"property":"tokens","operator":"gt","value":12}]}"#;
    let catalog = catalog(&[
        meter(ACME, "all", ANY, COUNT),
        meter(ACME, "calls", &named("call"), COUNT),
        meter(ACME, "tokens", &named("call"), SUM),
        meter(ACME, "either", either, COUNT),
        meter(OTHER, "theirs", &named("call"), COUNT),
        meter(OTHER, "theirs too", ANY, COUNT),
        meter(ACME, "chats", &named("chat"), COUNT),
    ]);
    let expected: [(u32, String); 4] =
        [(0, "1"), (1, "1"), (2, "12.5"), (3, "1")].map(|(at, drawn)| (at, drawn.to_owned()));
    assert_eq!(fed(&catalog, ACME, CALL), expected);
    let theirs: Vec<u32> = fed(&catalog, OTHER, CALL).into_iter().map(|(at, _)| at).collect();
    assert_eq!(theirs, [4, 5]);
    let without_value = r#"{"name":"call","external_customer_id":"anna"}"#;
    let counted: Vec<u32> =
        fed(&catalog, ACME, without_value).into_iter().map(|(at, _)| at).collect();
    assert_eq!(counted, [0, 1, 3], "a meter that sums has nothing to sum");
}

#[test]
fn a_token_opens_until_it_is_revoked() {
    let before = catalog(&[token(1, ACME, "one"), token(2, OTHER, "two")]);
    let presented = |catalog: &Catalog, secret: &str| {
        let token = catalog.token_presented(secret.as_bytes(), Timestamp::MAX);
        token.map(|token| (token.id, token.organization))
    };
    let (one, two) = (TokenId(Uuid::from_u128(1)), TokenId(Uuid::from_u128(2)));
    assert_eq!(presented(&before, "one"), Some((one, ACME)));
    assert_eq!(presented(&before, "two"), Some((two, OTHER)));
    assert_eq!(presented(&before, "three"), None);
    let after = after(&before, &CatalogEdit::TokenRevoke(one), 5);
    assert_eq!(presented(&after, "one"), None);
    assert!(
        before.token(one).is_some() && after.token(one).is_none() && after.token(two).is_some()
    );
    assert_eq!(after.tokens().map(|token| token.id).collect::<Vec<_>>(), [two]);
    assert_eq!(refused(&after, &CatalogEdit::TokenRevoke(one)), CatalogError::UnknownToken);
}

#[test]
fn a_token_opens_until_it_expires() {
    let expires_at = Some(second(50));
    let short = NewToken { expires_at, ..new_token(1, ACME, "short") };
    let catalog = catalog(&[CatalogEdit::Token(Box::new(short))]);
    let opens = |at: i64| catalog.token_presented(b"short", second(at)).is_some();
    assert_eq!([3, 49, 50, 51].map(opens), [true, true, false, false]);
    assert_eq!(catalog.tokens().count(), 1, "it is listed until it is revoked");
}

#[test]
fn a_token_has_a_secret_and_an_id_of_its_own() {
    let catalog = catalog(&[token(1, ACME, "one")]);
    assert_eq!(refused(&catalog, &token(1, ACME, "two")), CatalogError::IdTaken);
    assert_eq!(refused(&catalog, &token(2, OTHER, "one")), CatalogError::IdTaken);
    let refused = |new: NewToken| refused(&catalog, &CatalogEdit::Token(Box::new(new)));
    let comment = "x".repeat(crate::token::COMMENT_CHARS_MAX + 1).into();
    assert_eq!(refused(NewToken { comment, ..new_token(2, ACME, "two") }), CatalogError::Comment);
    let scopes = Scopes::NONE;
    assert_eq!(refused(NewToken { scopes, ..new_token(2, ACME, "two") }), CatalogError::NoScope);
}
