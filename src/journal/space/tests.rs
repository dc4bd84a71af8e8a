use super::*;

#[test]
fn a_disk_is_full_when_less_than_the_reserve_is_free() {
    let directory = tempfile::tempdir().unwrap();
    assert!(free_bytes(directory.path()).unwrap() > 0);
    let mut roomy = Space::new(directory.path(), 0);
    assert_eq!(roomy.check().unwrap(), Room::Enough);
    let mut full = Space::new(directory.path(), u64::MAX);
    for _ in 0..2 {
        assert_eq!(full.check().unwrap(), Room::Full);
    }
}

#[test]
fn a_directory_that_is_gone_is_an_error() {
    assert!(Space::new(Path::new("/nowhere/at/all"), 0).check().is_err());
}
