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
fn each_of_our_scopes_includes_the_ones_after_it() {
    use Scope::{Admin, CustomerMetersRead, EventsRead, EventsWrite, Ingest, MetersWrite, Read};
    let asked = [Admin, Ingest, Read, EventsWrite, EventsRead, CustomerMetersRead, MetersWrite];
    let allowed = |scope: Scope| asked.map(|needed| Scopes::from(scope).allows(needed));
    assert_eq!(allowed(Admin), [true; 7]);
    assert_eq!(allowed(Ingest), [false, true, true, true, true, true, false]);
    assert_eq!(allowed(Read), [false, false, true, false, true, true, false]);
    assert_eq!(allowed(EventsWrite), [false, false, false, true, false, false, false]);
    // What signs webhooks stands in their endpoints.
    assert!(!Scopes::from(Ingest).allows(Scope::WebhooksRead));
}

#[test]
fn every_scope_of_polars_stands_alone() {
    for scope in Scope::ALL.into_iter().filter(|scope| scope.text().contains(':')) {
        let scopes = Scopes::from(scope);
        assert_eq!(scopes.iter().collect::<Vec<_>>(), [scope]);
        assert_eq!(scopes.to_string(), scope.text());
        assert_eq!(Scopes::from_bits(scopes.bits()), Some(scopes));
    }
    let polars = Scope::ALL.iter().filter(|scope| scope.text().contains(':')).count();
    assert_eq!(polars, 21);
}

#[test]
fn scopes_are_read_in_any_case_and_written_in_the_fewest_words() {
    let written = |text: &str| text.parse::<Scopes>().map(|scopes| scopes.to_string());
    for word in ["admin", "ingest", "read", "events:write", "events:write,meters:read"] {
        assert_eq!(written(&word.to_uppercase()).as_deref(), Ok(word));
    }
    assert_eq!(written("meters:write, read").as_deref(), Ok("read,meters:write"));
    assert_eq!(written("events:write ingest").as_deref(), Ok("ingest"));
    assert_eq!(written("webhooks:write,read,admin").as_deref(), Ok("admin"));
    for text in ["", " ,", "root", "events:", "events:write,root", "events:write;meters:read"] {
        assert_eq!(written(text), Err(ScopeError), "{text:?}");
    }
}

#[test]
fn bits_that_no_token_has_are_refused() {
    let all = Scopes::from(Scope::Admin).bits();
    assert_eq!(all, (1 << Scope::ALL.len()) - 1);
    assert_eq!(Scopes::from_bits(all + 1), None, "no such scope");
    assert_eq!(Scopes::from_bits(1), None, "an admin without the rest");
    assert_eq!(Scopes::from_bits(0), Some(Scopes::NONE));
}
