use actix_web::test::TestRequest;

use super::*;

fn query(text: &str) -> Query {
    Query::of(&TestRequest::get().uri(&format!("/list?{text}")).to_http_request())
}

#[test]
fn parameters_repeat_and_are_decoded() {
    let query = query("name=a%20b&name=c%2Bd&other=1&name=%C3%A4&empty=");
    assert_eq!(query.all("name").collect::<Vec<_>>(), ["a b", "c+d", "ä"]);
    assert_eq!(
        (query.one("name"), query.one("empty"), query.one("none")),
        (Some("ä"), Some(""), None)
    );
}

#[test]
fn ids_flags_and_words_keep_their_rules() {
    let id = "5041180b-748b-4ea6-afce-2e30ea5be902";
    assert_eq!(query(&format!("id={id}&id={id}")).ids("id").unwrap().unwrap().len(), 2);
    assert_eq!(query("").ids("id").unwrap(), None);
    assert!(query(&format!("id={id}&id=x")).ids("id").is_err());
    for (text, expected) in
        [("f=true", Some(true)), ("f=False", Some(false)), ("f=0", Some(false)), ("", None)]
    {
        assert_eq!(query(text).flag("f").unwrap(), expected, "{text}");
    }
    assert!(query("f=2").flag("f").is_err());
    let words = [("public", 1), ("draft", 2)];
    assert_eq!(query("v=draft&v=public").words("v", &words).unwrap(), Some(vec![2, 1]));
    assert!(query("v=secret").words("v", &words).is_err());
}

#[test]
fn metadata_is_asked_for_by_key() {
    let query = query("metadata%5Btier%5D=gold&metadata[tier]=silver&metadata[n]=3&metadata=x");
    let asked = query.metadata();
    assert_eq!(asked["tier"], ["gold", "silver"]);
    assert_eq!((asked["n"].as_slice(), asked.len()), (["3"].as_slice(), 2));
}

#[test]
fn texts_in_paths_are_decoded_once() {
    let text = |raw: &str| {
        let request = TestRequest::get().param("name", raw.to_owned()).to_http_request();
        path_text(&request, "name")
    };
    for (raw, expected) in [
        ("ada", "ada"),
        ("a%2Fb", "a/b"),
        ("100%25", "100%"),
        ("%2541", "%41"),
        ("a%2", "a%2"),
        ("a%zz", "a%zz"),
        ("%", "%"),
        ("ä", "ä"),
    ] {
        assert_eq!(text(raw), expected, "{raw}");
    }
}
