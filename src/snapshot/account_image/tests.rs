use uuid::Uuid;

use super::*;
use crate::account::Action;
use crate::account::Posting;
use crate::grant::GrantTerms;
use crate::grant::Rollover;
use crate::grant::Source;
use crate::id::GrantId;
use crate::journal::action::put_terms;
use crate::time::Timestamp;
use crate::units::Draw;

fn terms(number: u128) -> GrantTerms {
    GrantTerms {
        id: GrantId(Uuid::from_u128(number)),
        amount: Decimal::from(1_000),
        priority: 0,
        effective_at: Timestamp::from_microseconds(1_800_000_000_000_000).unwrap(),
        expires_at: None,
        rollover: Rollover::Ends,
        source: Source::Manual,
    }
}

fn used_account() -> Account {
    let now = terms(0).effective_at;
    let mut account = Account::default();
    let later = GrantTerms { effective_at: now.saturating_add(1), ..terms(3) };
    for action in [
        Action::Grant(Box::new(terms(1))),
        Action::Grant(Box::new(terms(2))),
        Action::Grant(Box::new(later)),
        Action::Use(Posting::Draw(Draw(Decimal::new(12_505, 1)))),
        Action::Use(Posting::Average(Decimal::from(3))),
    ] {
        account.apply(&action, now).unwrap();
    }
    account
}

#[test]
fn an_account_with_two_grants_takes_few_bytes() {
    let now = terms(0).effective_at;
    let mut account = Account::default();
    for number in 1..=2 {
        account.apply(&Action::Grant(Box::new(terms(number))), now).unwrap();
    }
    let mut image = Vec::new();
    put_account(&mut image, &account);
    assert!(image.len() <= 64, "{} bytes", image.len());
    image.clear();
    put_account(&mut image, &Account::default());
    assert_eq!(image, [0, 0]);
}

#[test]
fn an_image_that_is_cut_is_refused() {
    let mut image = Vec::new();
    put_account(&mut image, &used_account());
    for length in 0..image.len() {
        assert!(read_account(&mut Reader::new(&image[..length])).is_err(), "cut at {length}");
    }
    assert_eq!(read_account(&mut Reader::new(&image)), Ok(used_account()));
}

#[test]
fn flipped_bits_never_panic() {
    let mut image = Vec::new();
    put_account(&mut image, &used_account());
    for bit in 0..image.len() * 8 {
        let mut flipped = image.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(mut account) = read_account(&mut Reader::new(&flipped)) {
            // What is taken for an account works as one.
            let now = account.next_due().unwrap_or(Timestamp::EPOCH);
            account.apply(&Action::Advance, now).unwrap();
        }
    }
}

/// An image of these grants, of which so much is drawn, and of so much uncovered.
fn image_of(grants: &[(GrantTerms, i64)], uncovered: i64) -> Vec<u8> {
    let mut image = vec![HAS_UNCOVERED];
    put_varint(&mut image, grants.len() as u64);
    for (terms, drawn) in grants {
        put_terms(&mut image, terms);
        put_decimal(&mut image, Decimal::from(*drawn));
    }
    put_decimal(&mut image, Decimal::from(uncovered));
    image
}

#[test]
fn accounts_that_cannot_be_are_refused() {
    let first = GrantTerms { priority: -1, ..terms(1) };
    let refused = |grants: &[(GrantTerms, i64)], uncovered| {
        read_account(&mut Reader::new(&image_of(grants, uncovered))).unwrap_err().0
    };
    assert_eq!(refused(&[(terms(1), 1_001)], 0), "grant drawn out of range");
    assert_eq!(refused(&[(terms(1), 1_000)], 0), "a spent grant has not ended");
    assert_eq!(refused(&[(terms(1), 10)], 5), "uncovered beside a grant with units left");
    assert_eq!(refused(&[(terms(1), 10)], -5), "given back beside a grant that is drawn from");
    assert_eq!(refused(&[(terms(2), 0), (first.clone(), 0)], 0), "grants are not in burn order");
    let fine = image_of(&[(first, 0), (terms(2), 0)], -5);
    assert!(read_account(&mut Reader::new(&fine)).is_ok());
}
