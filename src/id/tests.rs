use super::*;

fn uuid(text: &str) -> Uuid {
    Uuid::parse_str(text).unwrap()
}

#[test]
fn a_customer_meter_is_called_by_a_uuid_that_leads_back_to_its_customer() {
    let anna = CustomerId(uuid("25ec27b4-9804-45c0-b149-fbb3c7c0a5ab"));
    let bob = CustomerId(uuid("7af5d782-dfcd-4aa3-a4f3-3a9a0577c6e9"));
    let calls = MeterId(uuid("a5454257-7ef9-4f98-acf8-23431ecbe019"));
    let tokens = MeterId(uuid("8ff5acbe-1212-4e80-8ba2-a9064ce5ccf7"));
    let mut ids = std::collections::BTreeSet::new();
    for customer in [anna, bob] {
        for meter in [calls, tokens] {
            let id = CustomerMeterId::of(customer, meter);
            assert_eq!(id.0.get_version_num(), 4);
            assert_eq!(id.0.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(id.customer_on(meter), customer);
            ids.insert(id);
        }
    }
    assert_eq!(ids.len(), 4);
    // Clients keep these ids: they are the same in every version.
    let known = CustomerMeterId::of(anna, calls).to_string();
    assert_eq!(known, "510bd431-93bb-4326-9c4b-5718af3daae5");
}
