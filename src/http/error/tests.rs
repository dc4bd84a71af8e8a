use actix_web::body::to_bytes;

use super::*;
use crate::account::AccountError;

/// Status, `Retry-After` and body.
async fn told(problem: Problem) -> (u16, Option<String>, String) {
    let response = problem.error_response();
    let status = response.status().as_u16();
    let retry = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    let body = to_bytes(response.into_body()).await.unwrap();
    (status, retry, String::from_utf8(body.to_vec()).unwrap())
}

#[actix_rt::test]
async fn who_can_help_himself_by_waiting_is_told_so() {
    for (error, status, name) in [
        (EngineError::Busy, 503, "Busy"),
        (EngineError::Stopping, 503, "ServiceUnavailable"),
        (EngineError::DiskFull, 507, "InsufficientStorage"),
        (EngineError::ShardFull, 507, "InsufficientStorage"),
    ] {
        let (found, retry, body) = told(error.into()).await;
        assert_eq!((found, retry.as_deref()), (status, Some("1")), "{error}");
        assert!(body.starts_with(&format!(r#"{{"error":"{name}","detail":""#)), "{body}");
    }
    let (status, retry, body) = told(EngineError::Account(AccountError::Overflow).into()).await;
    assert_eq!((status, retry), (422, None));
    assert!(body.starts_with(r#"{"error":"RequestValidationError","detail":[{"type":"#), "{body}");
    let (status, _, _) = told(ChangeError::Refused(CatalogError::Full).into()).await;
    assert_eq!(status, 507);
}

#[actix_rt::test]
async fn a_weak_token_is_told_which_scopes_would_do() {
    let problem = Problem::InsufficientScope(&[Scope::MetersRead, Scope::MetersWrite]);
    let response = problem.error_response();
    let challenge = response.headers().get(WWW_AUTHENTICATE).unwrap().to_str().unwrap();
    assert_eq!(
        challenge,
        "Bearer realm=\"polar\", scope=\"meters:read meters:write\", error=\"insufficient_scope\", \
         error_description=\"The request requires higher privileges than provided by the access \
         token.\""
    );
    let (status, _, body) = told(problem).await;
    assert_eq!(status, 403);
    assert!(body.starts_with(r#"{"error":"insufficient_scope","error_description":"#), "{body}");
}

#[test]
fn long_input_is_not_given_back() {
    let json = |bytes: usize| RawValue::from_string(format!("\"{}\"", "a".repeat(bytes))).unwrap();
    let fault = || Fault::new("string_type", ["body".into(), 3.into()], "no");
    assert!(fault().with_json(&json(10)).input.is_some());
    assert!(fault().with_json(&json(INPUT_BYTES_MAX)).input.is_none());
    assert!(fault().with_text(&"a".repeat(INPUT_BYTES_MAX + 1)).input.is_none());
    let told = serde_json::to_string(&fault().with_text("x")).unwrap();
    assert_eq!(told, r#"{"type":"string_type","loc":["body",3],"msg":"no","input":"x"}"#);
}
