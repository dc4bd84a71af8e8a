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

#[test]
fn an_events_id_leads_back_to_its_place_and_a_strangers_does_not() {
    let seed = 0x0dd_5eed;
    for seq in [1, 2, 77, 1 << 20, (1 << 56) - 1] {
        for (shard, place) in [(0, 0), (3, 1), (u16::MAX, u8::MAX)] {
            let id = EventId::of(seed, ShardNumber(shard), Seq(seq), place);
            assert_eq!((id.0.get_version_num(), id.0.get_variant()), (4, uuid::Variant::RFC4122));
            assert_eq!(id.position(seed), Some((ShardNumber(shard), Seq(seq), place)));
            assert_eq!(id.position(seed + 1), None);
            assert_eq!(EventId(Uuid::from_u128(id.0.as_u128() ^ 1 << 100)).position(seed), None);
        }
    }
}
