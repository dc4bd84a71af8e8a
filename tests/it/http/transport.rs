//! What holds for every path of Polar's API: who may ask, how errors look, how long bodies are.

use super::*;

/// Each path with the least that a token has to be: method, path, role.
const PATHS: [(&str, &str, &str); 21] = [
    ("POST", "/v1/events/ingest", "ingest"),
    ("GET", "/v1/meters/", "read"),
    ("POST", "/v1/meters/", "admin"),
    ("GET", "/v1/meters/5041180b-748b-4ea6-afce-2e30ea5be902", "read"),
    ("PATCH", "/v1/meters/5041180b-748b-4ea6-afce-2e30ea5be902", "admin"),
    ("GET", "/v1/customer-meters/", "read"),
    ("GET", "/v1/customer-meters/5041180b-748b-4ea6-afce-2e30ea5be902", "read"),
    ("GET", "/v1/customers/5041180b-748b-4ea6-afce-2e30ea5be902/state", "read"),
    ("GET", "/v1/customers/external/nobody/state", "read"),
    ("GET", "/v1/organizations/", "read"),
    ("GET", "/v1/organizations/5041180b-748b-4ea6-afce-2e30ea5be902", "read"),
    ("GET", "/v1/benefits/", "read"),
    ("POST", "/v1/benefits/", "admin"),
    ("GET", "/v1/benefits/5041180b-748b-4ea6-afce-2e30ea5be902", "read"),
    ("PATCH", "/v1/benefits/5041180b-748b-4ea6-afce-2e30ea5be902", "admin"),
    ("DELETE", "/v1/benefits/5041180b-748b-4ea6-afce-2e30ea5be902", "admin"),
    ("GET", "/v1/products/", "read"),
    ("POST", "/v1/products/", "admin"),
    ("GET", "/v1/products/5041180b-748b-4ea6-afce-2e30ea5be902", "read"),
    ("PATCH", "/v1/products/5041180b-748b-4ea6-afce-2e30ea5be902", "admin"),
    ("POST", "/v1/products/5041180b-748b-4ea6-afce-2e30ea5be902/benefits", "admin"),
];

const EMPTY: &[u8] = br#"{"events":[]}"#;

#[test]
fn nobody_gets_in_without_a_token_and_nobody_further_than_its_scope() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let scopes = ["read", "ingest", "admin"];
    let tokens = scopes.map(|scope| token(&server, scope));
    for (method, path, needed) in PATHS {
        let body = (method != "GET").then_some(EMPTY);
        // A connection whose body was not read is closed, so each asks on one of its own.
        let stranger = |headers: &[(&str, &str)]| {
            Client::stranger(server.http).ask(method, path, headers, body)
        };
        let answer = stranger(&[]);
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.json(), json!({"error": "Unauthorized", "detail": "Unauthorized"}));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"polar\""));

        let answer = stranger(&[("authorization", "Bearer guess")]);
        assert_eq!(answer.status, 401, "{path}");
        let description = "The access token provided is expired, revoked, malformed, or invalid \
                           for other reasons.";
        let expected = json!({"error": "invalid_token", "error_description": description});
        assert_eq!(answer.json(), expected);
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");

        for strange in ["Basic Z3Vlc3M=", "Bearer", "Bearer  ", ""] {
            let answer = stranger(&[("authorization", strange)]);
            assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("Unauthorized")));
        }

        for (scope, token) in scopes.iter().zip(&tokens) {
            let answer = Client::with_token(&server, token).ask(method, path, &[], body);
            let enough = scopes.iter().position(|own| own == scope)
                >= scopes.iter().position(|own| *own == needed);
            if enough {
                let done = [200, 404, 422].contains(&answer.status);
                assert!(done, "{scope} {path}: {answer:?}");
            } else {
                assert_eq!(answer.status, 403, "{scope} {path}");
                assert_eq!(answer.json()["error"], "insufficient_scope");
                let challenge = answer.header("www-authenticate").unwrap();
                assert!(challenge.contains("scope=\""), "{challenge}");
            }
        }
    }
    // A token that is taken back opens nothing from then on.
    let mut admin = Caller::of(&server);
    let listed = admin.says("TOKEN LIST");
    let words: Vec<&str> = listed.split(' ').collect();
    let read = words.windows(6).find(|words| words[4..] == ["scope", "read"]).unwrap();
    assert_eq!(admin.says(&format!("TOKEN REVOKE {}", read[1])), "OK");
    let answer = Client::with_token(&server, &tokens[0]).ask("POST", PATHS[0].1, &[], Some(EMPTY));
    assert_eq!(answer.status, 401);
}

#[test]
fn paths_are_found_with_and_without_the_slash_and_others_are_not() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let mut client = Client::of(&server);
    for path in ["/v1/events/ingest", "/v1/events/ingest/"] {
        assert_eq!(client.ask("POST", path, &[], Some(EMPTY)).status, 200, "{path}");
        let answer = client.get(path);
        assert_eq!((answer.status, answer.json()), (405, json!({"detail": "Method Not Allowed"})));
    }
    for path in ["/v1", "/v1/", "/v1/nothing", "/v1/events/ingest/more", "/v2/events/ingest"] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
    assert_eq!(client.get("/v1/nothing").json(), json!({"detail": "Not Found"}));
}

#[test]
fn the_version_is_given_back_and_an_unknown_one_is_not_found() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let mut client = Client::of(&server);
    for version in ["2026-04", "2026-10", "2027-01"] {
        let headers = [("polar-version", version)];
        let answer = client.ask("POST", "/v1/events/ingest", &headers, Some(EMPTY));
        assert_eq!((answer.status, answer.header("polar-version")), (200, Some(version)));
    }
    let answer = client.ask("POST", "/v1/events/ingest", &[], Some(EMPTY));
    assert_eq!(answer.header("polar-version"), Some("2026-04"));
    let headers = [("polar-version", "1999-01")];
    let answer = client.ask("POST", "/v1/events/ingest", &headers, Some(EMPTY));
    assert_eq!((answer.status, answer.json()), (404, json!({"detail": "Not Found"})));
}

#[test]
fn bodies_are_json_of_a_length_that_is_told_and_bounded() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let mut client = Client::of(&server);
    let mut post = |headers: &[(&str, &str)], body: &[u8]| {
        client.ask("POST", "/v1/events/ingest", headers, Some(body))
    };
    assert_eq!(post(&[], b"").faults(), ["body.0 json_invalid"]);
    assert_eq!(post(&[], b"{\"events\":[}").faults(), ["body.12 json_invalid"]);
    assert_eq!(post(&[], b"{\"events\":[\xff]}").status, 422);
    assert_eq!(post(&[], b"[]").faults(), ["body model_attributes_type"]);
    assert_eq!(post(&[], b" [[]]").faults(), ["body model_attributes_type"]);
    assert_eq!(post(&[], b"{}").faults(), ["body.events missing"]);
    assert_eq!(post(&[], b"{\"events\":{}}").faults(), ["body.events list_type"]);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(post(&form, EMPTY).faults(), ["body model_attributes_type"]);
    for kind in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"] {
        assert_eq!(post(&[("content-type", kind)], EMPTY).status, 200, "{kind}");
    }

    // A body may be as long as this and no longer.
    let most = drawdown::http::BODY_BYTES_MAX;
    let padded = |bytes: usize| {
        let mut body = EMPTY.to_vec();
        body.resize(bytes, b' ');
        body
    };
    assert_eq!(post(&[], &padded(most)).status, 200);
    let token = server.token();
    let head = |more: &str| {
        format!(
            "POST /v1/events/ingest HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\n{more}\r\n"
        )
    };
    let mut client = Client::stranger(server.http);
    client.send(head(&format!("content-length: {}\r\n", most + 1)).as_bytes());
    let answer = client.answer();
    assert_eq!((answer.status, &answer.json()["error"]), (413, &json!("RequestBodyTooLarge")));
    let mut client = Client::stranger(server.http);
    client.send(head("transfer-encoding: chunked\r\n").as_bytes());
    let answer = client.answer();
    assert_eq!((answer.status, &answer.json()["error"]), (411, &json!("LengthRequired")));
}

#[test]
fn strangers_cannot_make_the_server_hold_bodies() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let mut client = Client::stranger(server.http);
    client.send(b"POST /v1/events/ingest HTTP/1.1\r\nhost: t\r\ncontent-length: 9999999\r\n\r\n{");
    assert_eq!(client.answer().status, 401);
}
