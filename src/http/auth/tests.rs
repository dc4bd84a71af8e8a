use super::*;

#[test]
fn a_token_stands_behind_its_scheme() {
    for (header, token) in [
        ("Bearer abc", Some("abc")),
        ("bearer abc", Some("abc")),
        ("BEARER  abc ", Some("abc")),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearer   ", None),
        ("Basic abc", None),
        ("Bearerabc", None),
        ("", None),
    ] {
        assert_eq!(bearer(header.as_bytes()), token.map(str::as_bytes), "{header}");
    }
}
