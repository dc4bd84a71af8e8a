use super::Names;
use crate::engine::directory::{CustomerPlace, Directory};
use crate::engine::reply::EngineError;
use crate::id::{CustomerNumber, OrganizationNumber, ShardNumber};

const ACME: OrganizationNumber = OrganizationNumber(0);
const ANNA: CustomerPlace = CustomerPlace { shard: ShardNumber(0), number: CustomerNumber(1) };
const BERT: CustomerPlace = CustomerPlace { shard: ShardNumber(1), number: CustomerNumber(1) };

fn names(email: &str, external_id: &str) -> Names {
    let some = |text: &str| (!text.is_empty()).then(|| text.into());
    Names { email: some(email), external_id: some(external_id) }
}

#[test]
fn names_are_taken_all_or_none() {
    let directory = Directory::new(7);
    names("a@x.io", "anna").take(&directory, ACME, ANNA).unwrap();
    let taken = names("A@X.io", "").take(&directory, ACME, BERT);
    assert_eq!(taken, Err(EngineError::EmailTaken));
    let taken = names("b@x.io", "anna").take(&directory, ACME, BERT);
    assert_eq!(taken, Err(EngineError::ExternalIdTaken));
    assert_eq!(directory.by_email(ACME, "b@x.io"), None, "the address was given back");
    // Another organization has names of its own.
    names("a@x.io", "anna").take(&directory, OrganizationNumber(1), BERT).unwrap();
}

#[test]
fn an_address_that_is_changed_away_and_back_stays_taken() {
    let directory = Directory::new(7);
    let take = |email| names(email, "").take(&directory, ACME, ANNA).unwrap();
    let settle = |before, asked, kept| {
        for left in Names::left_over(names(before, ""), names(asked, ""), &names(kept, "")) {
            left.give_back(&directory, ACME, ANNA);
        }
    };
    take("x@x.io");
    // Both are sequenced before the first is applied.
    take("y@x.io");
    take("x@x.io");
    settle("x@x.io", "y@x.io", "y@x.io");
    settle("y@x.io", "x@x.io", "x@x.io");
    assert_eq!(directory.by_email(ACME, "x@x.io"), Some(ANNA));
    assert_eq!(directory.by_email(ACME, "y@x.io"), None);
    // A change that fails keeps what was; deletion keeps nothing.
    take("z@x.io");
    settle("x@x.io", "z@x.io", "x@x.io");
    assert_eq!(directory.by_email(ACME, "z@x.io"), None);
    settle("x@x.io", "", "");
    assert_eq!(directory.by_email(ACME, "x@x.io"), None);
}
