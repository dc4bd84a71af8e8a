//! How the words of the domain are written: field by field, in an order that never changes.
//!
//! The domain knows nothing of it. A field that is added to a type fails to compile here until it
//! has a place in the format.

use std::sync::Arc;

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::encoding::{self, Malformed, Reader};
use crate::time::Timestamp;

/// Something that is written into records and images.
pub trait Wire: Sized {
    /// Appends it.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads what [`Wire::put`] wrote.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are none.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// Writes a struct, its fields in this order.
macro_rules! wire_struct {
    ($name:ty { $($field:ident),* $(,)? }) => {
        impl $crate::journal::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $($crate::journal::wire::Wire::put(&self.$field, out);)*
            }

            fn read(
                reader: &mut $crate::encoding::Reader<'_>,
            ) -> Result<Self, $crate::encoding::Malformed> {
                Ok(Self { $($field: $crate::journal::wire::Wire::read(reader)?),* })
            }
        }
    };
}

/// Writes an enum of plain names by these tags, which are for ever.
macro_rules! wire_names {
    ($name:ident { $($variant:ident = $tag:literal),* $(,)? }) => {
        impl $crate::journal::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(match self { $(Self::$variant => $tag),* });
            }

            fn read(
                reader: &mut $crate::encoding::Reader<'_>,
            ) -> Result<Self, $crate::encoding::Malformed> {
                match reader.byte()? {
                    $($tag => Ok(Self::$variant),)*
                    _ => Err($crate::encoding::Malformed(concat!("unknown ", stringify!($name)))),
                }
            }
        }
    };
}

/// Writes an id as its UUID.
macro_rules! wire_ids {
    ($($name:ident),* $(,)?) => {$(
        impl $crate::journal::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }

            fn read(
                reader: &mut $crate::encoding::Reader<'_>,
            ) -> Result<Self, $crate::encoding::Malformed> {
                uuid::Uuid::read(reader).map(Self)
            }
        }
    )*};
}

pub(crate) use {wire_ids, wire_names, wire_struct};

macro_rules! wire_numbers {
    ($($number:ty),*) => {$(
        impl Wire for $number {
            fn put(&self, out: &mut Vec<u8>) {
                encoding::put_varint(out, u64::from(*self));
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                reader.number()
            }
        }
    )*};
}

wire_numbers!(u16, u32, u64);

impl Wire for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        encoding::put_signed(out, *self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.signed()
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("neither yes nor no")),
        }
    }
}

impl Wire for Uuid {
    fn put(&self, out: &mut Vec<u8>) {
        encoding::put_uuid(out, *self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.uuid()
    }
}

impl Wire for Timestamp {
    fn put(&self, out: &mut Vec<u8>) {
        encoding::put_time(out, *self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.time()
    }
}

impl Wire for Decimal {
    fn put(&self, out: &mut Vec<u8>) {
        encoding::put_decimal(out, *self);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.decimal()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        if bool::read(reader)? { T::read(reader).map(Some) } else { Ok(None) }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        encoding::put_varint(out, u64::try_from(self.len()).unwrap_or(u64::MAX));
        for value in self {
            value.put(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count: usize = reader.number()?;
        // Everything takes a byte at least, so a forged count reserves nothing.
        if count > reader.remaining() {
            return Err(Malformed("more elements than bytes"));
        }
        (0..count).map(|_| T::read(reader)).collect()
    }
}

impl<T: Wire> Wire for Arc<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        T::read(reader).map(Self::new)
    }
}
