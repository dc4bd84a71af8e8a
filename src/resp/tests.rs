//! The whole codec on kept and on random bytes.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::frame::tests::almost_resp;
use crate::resp;

mod check;

#[test]
fn the_kept_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/resp");
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        check::check(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 20, "{count} inputs in {}", folder.display());
}

proptest! {
    #[test]
    fn what_nearly_is_resp_holds(bytes in almost_resp()) {
        check::check(&bytes);
    }

    #[test]
    fn any_bytes_hold(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check::check(&bytes);
    }
}
