use super::*;

const HERE: OrganizationNumber = OrganizationNumber(0);
const HOUR: i64 = CHECKOUT_LIFETIME_SECONDS * 1_000_000;

fn at(microseconds: i64) -> Timestamp {
    Timestamp::from_microseconds(microseconds).unwrap()
}

fn checkout(now: i64) -> Checkout {
    let product = ProductId(Uuid::from_u128(1));
    let order = CheckoutOrder {
        products: vec![product],
        product,
        customer: None,
        external_customer_id: None,
        email: None,
        name: None,
        metadata: Metadata::default(),
        customer_metadata: Metadata::default(),
        success_url: None,
        return_url: None,
        trial: Trial::Allowed,
    };
    Checkout::new(HERE, order, at(now))
}

#[test]
fn a_checkout_is_confirmed_once_and_in_time() {
    let shelf = Shelf::default();
    let (first, second) = (checkout(0), checkout(0));
    assert_ne!(first.secret, second.secret);
    shelf.put(first.clone()).unwrap();
    shelf.put(second.clone()).unwrap();

    let mut begun = shelf.begin(&first.secret, at(HOUR - 1)).unwrap();
    assert_eq!(begun.id, first.id);
    assert_eq!(shelf.begin(&first.secret, at(HOUR - 1)).unwrap_err(), Closed::NotOpen);
    begun.standing = Standing::Succeeded { subscription: None };
    shelf.settle(begun);
    assert_eq!(shelf.begin(&first.secret, at(HOUR)).unwrap_err(), Closed::NotOpen);
    assert_eq!(shelf.begin(&second.secret, at(HOUR)).unwrap_err(), Closed::Expired);
    assert_eq!(shelf.begin("drawdown_c_", at(0)).unwrap_err(), Closed::Unknown);
}

#[test]
fn one_that_could_not_be_confirmed_is_open_again() {
    let shelf = Shelf::default();
    let made = checkout(0);
    shelf.put(made.clone()).unwrap();
    let mut begun = shelf.begin(&made.secret, at(1)).unwrap();
    begun.standing = Standing::Open;
    shelf.settle(begun);
    assert!(shelf.begin(&made.secret, at(2)).is_ok());
}

#[test]
fn an_organization_sees_its_own() {
    let shelf = Shelf::default();
    let made = checkout(0);
    shelf.put(made.clone()).unwrap();
    assert!(shelf.find(HERE, made.id).is_some());
    assert!(shelf.find(OrganizationNumber(1), made.id).is_none());
    assert_eq!(shelf.presented(&made.secret).unwrap().id, made.id);
}

#[test]
fn the_oldest_makes_room_once_it_is_over() {
    let shelf = Shelf::default();
    let first = checkout(0);
    shelf.put(first.clone()).unwrap();
    for now in 1..i64::try_from(CHECKOUTS_MAX).unwrap() {
        shelf.put(checkout(now)).unwrap();
    }
    assert_eq!(shelf.put(checkout(HOUR - 1)), Err(Full));
    assert!(shelf.presented(&first.secret).is_some());
    assert_eq!(shelf.put(checkout(HOUR)), Ok(()));
    assert!(shelf.presented(&first.secret).is_none());
    assert_eq!(shelf.put(checkout(HOUR)), Err(Full));
}
