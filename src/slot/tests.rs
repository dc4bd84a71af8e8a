use super::*;

#[test]
fn slots_are_those_of_redis_cluster() {
    // `CLUSTER KEYSLOT` of Redis 7.0 printed these.
    for (key, slot) in [("", 0), ("foo", 12_182), ("bar", 5_061), ("123456789", 12_739)] {
        assert_eq!(Slot::of(key.as_bytes()).number(), slot, "{key}");
    }
}

#[test]
fn a_hash_tag_decides_alone() {
    assert_eq!(Slot::of(b"{user1000}.following"), Slot::of(b"user1000"));
    assert_eq!(Slot::of(b"foo{{bar}}zap"), Slot::of(b"{bar"));
    assert_ne!(Slot::of(b"foo{}{bar}"), Slot::of(b"bar"));
}

#[test]
fn shards_share_the_slots_evenly() {
    for shards in [1, 2, 3, 7, 32] {
        let mut owned = vec![0_u32; usize::from(shards)];
        for slot in 0..SLOTS {
            owned[usize::from(Slot(slot).shard(shards))] += 1;
        }
        let most = owned.iter().max().unwrap();
        let least = owned.iter().min().unwrap();
        assert!(most - least <= 1, "{shards} shards own {least} to {most} slots");
    }
}

#[test]
fn either_id_of_a_customer_finds_the_same_slot() {
    for seed in 0_u128..200 {
        let external = format!("customer-{seed}");
        let id = mint_customer_id(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            external.as_bytes(),
        );
        assert_eq!(Slot::of(id.to_string().as_bytes()), Slot::of(external.as_bytes()));
        assert_eq!(id.0.get_version_num(), 4);
    }
}
