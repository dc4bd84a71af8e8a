use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn what_was_put_is_read(number: u64, signed: i64, bytes: Vec<u8>, mantissa in -(1_i128 << 95)..(1_i128 << 95), scale in 0_u32..=28) {
        let decimal = Decimal::from_i128_with_scale(mantissa, scale);
        let mut out = Vec::new();
        put_varint(&mut out, number);
        put_signed(&mut out, signed);
        put_bytes(&mut out, &bytes);
        put_decimal(&mut out, decimal);
        let mut reader = Reader::new(&out);
        prop_assert_eq!(reader.varint(), Ok(number));
        prop_assert_eq!(reader.signed(), Ok(signed));
        prop_assert_eq!(reader.bytes(), Ok(bytes.as_slice()));
        prop_assert_eq!(reader.decimal().map(|read| (read.mantissa(), read.scale())), Ok((decimal.mantissa(), scale)));
        prop_assert!(reader.is_empty());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        let mut reader = Reader::new(&bytes);
        let _ = (reader.decimal(), reader.bytes(), reader.signed(), reader.optional_time());
    }
}

#[test]
fn a_varint_that_does_not_fit_is_refused() {
    assert!(Reader::new(&[0xff; 10]).varint().is_err());
    assert_eq!(
        Reader::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).varint(),
        Ok(u64::MAX)
    );
}
