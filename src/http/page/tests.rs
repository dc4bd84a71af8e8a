use actix_web::test::TestRequest;

use super::*;

fn query(text: &str) -> Query {
    Query::of(&TestRequest::get().uri(&format!("/list?{text}")).to_http_request())
}

fn page(text: &str) -> Page {
    Page::of(&query(text)).unwrap()
}

/// The items of a list of so many, and its pages.
fn items(text: &str, count: usize) -> (Vec<usize>, u64) {
    let page = page(text);
    (page.items((0..count).collect()).collect(), page.pagination(count).max_page)
}

#[test]
fn pages_follow_each_other_to_the_end() {
    assert_eq!(items("", 3), (vec![0, 1, 2], 1));
    assert_eq!(items("limit=2", 3), (vec![0, 1], 2));
    assert_eq!(items("limit=2&page=2", 3), (vec![2], 2));
    assert_eq!(items("limit=2&page=3", 3), (vec![], 2));
    assert_eq!(items("limit=3", 3), (vec![0, 1, 2], 1));
    assert_eq!(items("", 0), (vec![], 0));
    assert_eq!(items("limit=100000", 250).0.len(), 100);
    assert_eq!(items("page=99999999999999", 3), (vec![], 1));
    assert_eq!(items("page=1&page=2&limit=2", 3), (vec![2], 2), "the last one counts");
    for text in ["page=0", "page=-1", "limit=0", "limit=x", "page=", "limit=1.5"] {
        assert!(matches!(Page::of(&query(text)), Err(Problem::Invalid(_))), "{text}");
    }
}

#[test]
fn criteria_come_in_the_order_in_which_they_are_asked_for() {
    let known = [("name", 'n'), ("created_at", 'c')];
    let sorting = |text: &str| sorting(&query(text), &known, ('c', Direction::Descending));
    assert_eq!(sorting("").unwrap(), [('c', Direction::Descending)]);
    assert_eq!(
        sorting("sorting=-name&sorting=created_at").unwrap(),
        [('n', Direction::Descending), ('c', Direction::Ascending)]
    );
    assert_eq!(sorting("sorting=name&sorting=name&sorting=name").unwrap().len(), 2);
    assert!(sorting("sorting=+name").is_err());
    assert!(sorting("sorting=").is_err());
}
