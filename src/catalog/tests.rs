use super::*;

const ACME: OrganizationNumber = OrganizationNumber(0);
const OTHER: OrganizationNumber = OrganizationNumber(1);

fn organization(name: &str) -> CatalogChange {
    CatalogChange::Organization { id: OrganizationId(uuid(name)), name: name.to_owned() }
}

fn meter(organization: OrganizationNumber, name: &str, filter: &str, sums: &str) -> CatalogChange {
    CatalogChange::Meter {
        id: MeterId(uuid(name)),
        organization,
        name: name.to_owned(),
        filter: Filter::parse(filter).unwrap(),
        aggregation: Aggregation::parse(sums).unwrap(),
    }
}

fn token(id: u128, organization: OrganizationNumber, secret: &str) -> CatalogChange {
    CatalogChange::Token(Token {
        id: TokenId(Uuid::from_u128(id)),
        organization,
        scope: Scope::Read,
        hash: TokenHash::of(secret.as_bytes()),
        created_at: Timestamp::EPOCH,
    })
}

/// Names are ids: up to sixteen letters.
fn uuid(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}

/// The catalog after `changes`, all of which are allowed.
fn catalog(changes: &[CatalogChange]) -> Catalog {
    let first = [organization("acme"), organization("other")];
    first.iter().chain(changes).fold(Catalog::new(), |catalog, change| {
        let next = catalog.with(change).unwrap();
        assert_eq!(Some(next.version.0), catalog.version.0.checked_add(1));
        next
    })
}

fn refused(catalog: &Catalog, change: &CatalogChange) -> CatalogError {
    catalog.with(change).unwrap_err()
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
    let after = before.with(&meter(ACME, "tokens", &named("call"), COUNT)).unwrap();
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
        assert_eq!(
            refused(
                &catalog,
                &CatalogChange::Organization {
                    id: OrganizationId(Uuid::nil()),
                    name: name.to_owned(),
                }
            ),
            CatalogError::Name
        );
    }
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
    let catalog = catalog(&[
        meter(ACME, "tokens", &named("call"), COUNT),
        meter(ACME, "tokens", &named("call"), SUM),
    ]);
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
        catalog.token_presented(secret.as_bytes()).map(|token| (token.id, token.organization))
    };
    let (one, two) = (TokenId(Uuid::from_u128(1)), TokenId(Uuid::from_u128(2)));
    assert_eq!(presented(&before, "one"), Some((one, ACME)));
    assert_eq!(presented(&before, "two"), Some((two, OTHER)));
    assert_eq!(presented(&before, "three"), None);
    let after = before.with(&CatalogChange::TokenRevoked(one)).unwrap();
    assert_eq!(presented(&after, "one"), None);
    assert!(before.has_token(one) && !after.has_token(one) && after.has_token(two));
    assert_eq!(after.tokens().map(|token| token.id).collect::<Vec<_>>(), [two]);
    assert_eq!(refused(&after, &CatalogChange::TokenRevoked(one)), CatalogError::UnknownToken);
}
