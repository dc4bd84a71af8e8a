use super::*;

#[test]
fn a_minted_token_carries_all_its_bits() {
    let mut random = [0_u8; 32];
    random[0] = 0xAB;
    random[31] = 0x01;
    let token = TokenText::mint(&random);
    assert_eq!(token.as_str().len(), TOKEN_PREFIX.len() + 64);
    assert!(token.as_str().starts_with("drawdown_ab00"));
    assert!(token.as_str().ends_with("0001"));
    assert_eq!(TokenText::parse(token.as_str()), Ok(token));
}

#[test]
fn the_stored_hash_is_sha_256() {
    let expected = 0xba78_16bf_8f01_cfea_4141_40de_5dae_2223_u128;
    let hash = TokenText::parse("abc").unwrap().hash();
    assert_eq!(hash.0[..16], expected.to_be_bytes());
    assert_eq!(hash, TokenHash::of(b"abc"));
    assert_ne!(hash, TokenHash::of(b"abd"));
}

#[test]
fn what_is_no_token_is_refused() {
    for text in ["", "two words", "line\n", "caf\u{e9}", &"x".repeat(257)] {
        assert_eq!(TokenText::parse(text), Err(TokenError), "{text:?}");
    }
    assert!(TokenText::parse(&"x".repeat(256)).is_ok());
}

#[test]
fn debug_does_not_show_the_secret() {
    assert_eq!(format!("{:?}", TokenText::parse("secret").unwrap()), "TokenText(..)");
}

#[test]
fn each_scope_includes_the_ones_after_it() {
    use Scope::{Admin, Ingest, Read};
    let allowed = |scope: Scope| [Admin, Ingest, Read].map(|needed| scope.allows(needed));
    assert_eq!(allowed(Admin), [true, true, true]);
    assert_eq!(allowed(Ingest), [false, true, true]);
    assert_eq!(allowed(Read), [false, false, true]);
}

#[test]
fn scopes_are_read_in_any_case_and_written_in_lower_case() {
    for scope in [Scope::Admin, Scope::Ingest, Scope::Read] {
        assert_eq!(scope.to_string().to_uppercase().parse(), Ok(scope));
    }
    assert_eq!("root".parse::<Scope>(), Err(ScopeError));
}
