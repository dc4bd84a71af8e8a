use super::*;
use crate::slot::mint_customer_id;

const ACME: OrganizationNumber = OrganizationNumber(0);
const OTHER: OrganizationNumber = OrganizationNumber(1);

fn place(number: u32) -> CustomerPlace {
    CustomerPlace { shard: ShardNumber(0), number: CustomerNumber(number) }
}

#[test]
fn a_customer_is_found_by_either_id_and_by_its_own_organization_alone() {
    let directory = Directory::new(7);
    let id = mint_customer_id(7 << 64, b"alice");
    assert!(directory.enter(ACME, id, "alice", place(0)));
    assert_eq!(directory.find(ACME, b"alice"), Some(place(0)));
    assert_eq!(directory.find(ACME, id.to_string().as_bytes()), Some(place(0)));
    assert_eq!(directory.find(OTHER, b"alice"), None);
    assert_eq!(directory.find(OTHER, id.to_string().as_bytes()), None);
    assert_eq!(directory.find(ACME, id.0.simple().to_string().as_bytes()), None);
}

#[test]
fn an_external_id_that_looks_like_an_id_comes_first() {
    let directory = Directory::new(7);
    let id = mint_customer_id(7 << 64, b"alice");
    assert!(directory.enter(ACME, id, "alice", place(0)));
    assert!(directory.enter(ACME, mint_customer_id(8 << 64, b"bob"), &id.to_string(), place(1)));
    assert_eq!(directory.find(ACME, id.to_string().as_bytes()), Some(place(1)));
}

#[test]
fn a_taken_name_is_refused() {
    let directory = Directory::new(7);
    assert!(directory.enter(ACME, mint_customer_id(7 << 64, b"alice"), "alice", place(0)));
    assert!(!directory.enter(ACME, mint_customer_id(8 << 64, b"alice"), "alice", place(1)));
    assert!(directory.enter(OTHER, mint_customer_id(9 << 64, b"alice"), "alice", place(2)));
    assert_eq!(directory.len(), 2);
}
