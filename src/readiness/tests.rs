use super::*;

#[test]
fn stages_go_forward_only() {
    let readiness = Readiness::starting();
    let seen = readiness.clone();
    readiness.advance(Stage::Starting { done: 5, total: 10 });
    assert_eq!(seen.stage().to_string(), "starting: 5 of 10 recovered");
    readiness.advance(Stage::Ready);
    readiness.advance(Stage::Starting { done: 6, total: 10 });
    assert_eq!(seen.stage(), Stage::Ready);
    readiness.advance(Stage::Draining);
    readiness.advance(Stage::Ready);
    assert_eq!(seen.stage(), Stage::Draining);
}

#[test]
fn the_first_failure_stays() {
    let readiness = Readiness::starting();
    readiness.advance(Stage::Failed("disk".to_owned()));
    readiness.advance(Stage::Failed("later".to_owned()));
    readiness.advance(Stage::Ready);
    assert_eq!(readiness.stage(), Stage::Failed("disk".to_owned()));
    assert_eq!(readiness.stage().to_string(), "failed: disk");
}
