use super::*;

use actix_web::test::TestRequest;

use super::super::query::Query;

fn page(query: &str) -> Page {
    let request = TestRequest::get().uri(&format!("/?{query}")).to_http_request();
    Page::of(&Query::of(&request)).unwrap()
}

/// `count` different numbers in an order of no meaning.
fn shuffled(count: u64) -> impl Iterator<Item = u64> {
    // 7,919 is a prime that divides no count below.
    (0..count).map(move |number| number * 7_919 % count)
}

#[test]
fn pages_are_those_of_the_whole_list_sorted() {
    for count in [0, 1, 99, 100, 101, 5_000] {
        for (number, limit) in [(1, 10), (2, 100), (50, 100), (51, 100)] {
            let page = page(&format!("page={number}&limit={limit}"));
            let mut ranked = Ranked::new(page, u64::cmp);
            shuffled(count).for_each(|item| ranked.push(item));
            let listed = ranked.listed(|item| item).unwrap();
            let first = (number - 1) * limit;
            let expected: Vec<u64> = (first..count.min(first + limit)).collect();
            assert_eq!(listed.items, expected, "page {number} of {limit} out of {count}");
        }
    }
}

#[test]
fn no_more_is_held_than_it_takes_to_sort_the_page() {
    let mut ranked = Ranked::new(page("page=1&limit=10"), u64::cmp);
    for item in shuffled(100_000) {
        ranked.push(item);
        assert!(ranked.kept.len() <= SETTLE_ITEMS_MIN);
    }
    assert_eq!(ranked.total, 100_000);
}

#[test]
fn a_page_out_of_reach_is_refused_once_there_is_one() {
    let beyond = page("page=1001&limit=100");
    let mut ranked = Ranked::new(beyond, u64::cmp);
    ranked.push(1);
    assert!(ranked.listed(|item| item).is_ok_and(|listed| listed.items.is_empty()));
    let mut ranked = Ranked::new(beyond, u64::cmp);
    (0..=100_000).for_each(|item| ranked.push(item));
    assert!(matches!(ranked.listed(|item| item), Err(Problem::Invalid(_))));
}
