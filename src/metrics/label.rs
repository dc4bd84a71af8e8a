//! The values that labels may take: closed sets, so that the number of series is known beforehand.

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every value, in the order of their places.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// How the value is written in a label.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The value's place in [`Self::ALL`].
            #[must_use]
            pub const fn place(self) -> usize {
                self as usize
            }
        }
    };
}

labels! {
    /// What a sequenced command was.
    CommandKind {
        /// A usage event through the meters that it feeds.
        Event => "event",
        /// `USE`.
        Use => "use",
        /// `DEBIT`.
        Debit => "debit",
        /// Credits, by an application or a benefit.
        Grant => "grant",
        /// The end of one grant.
        Void => "void",
        /// Polar's taking back of a benefit's credit.
        Revoke => "revoke",
        /// The end of a cycle outside its boundary.
        Reset => "reset",
        /// The end of a cycle.
        Turnover => "turnover",
        /// Subscriptions, cycles, orders and payments.
        Purchase => "purchase",
        /// Expiries and effective times that fell due.
        Advance => "advance",
        /// A change of customers or of the catalog, which moves no balance.
        Directory => "directory",
    }
}

labels! {
    /// How a sequenced command was answered.
    Answer {
        /// It changed the balance.
        Applied => "applied",
        /// It was refused, and that is remembered.
        Refused => "refused",
        /// Its key was known, and the first attempt applied.
        Duplicate => "duplicate",
        /// Its key was known, and the first attempt was refused.
        DuplicateRefused => "duplicate-refused",
    }
}

labels! {
    /// Errors by the code that clients see; an error changed nothing and took no key.
    ErrorCode {
        /// No credentials.
        NoAuth => "NOAUTH",
        /// Unknown credentials.
        WrongPass => "WRONGPASS",
        /// The token's scope does not cover the command.
        NoPerm => "NOPERM",
        /// An unknown command or a wrong number of arguments.
        Unknown => "ERR",
        /// An argument that is not what the command takes.
        BadArg => "BADARG",
        /// A key that came with another body before.
        Conflict => "CONFLICT",
        /// A limit on what may be in flight.
        Busy => "BUSY",
        /// The disk is full, or the shard writes no more.
        ReadOnly => "READONLY",
        /// A number left the range of exact decimals.
        Overflow => "OVERFLOW",
        /// The engine is starting, draining or failed.
        Unavailable => "UNAVAILABLE",
        /// Bytes that are no command; the connection was closed.
        Protocol => "PROTOCOL",
    }
}

labels! {
    /// Why the server closed a connection.
    Closed {
        /// The client left, or asked to.
        ByClient => "client",
        /// It sent bytes that are no command.
        Protocol => "protocol",
        /// It did not read its replies, and their buffer is bounded.
        SlowReader => "slow-reader",
        /// It was silent for too long, or slow to authenticate.
        Idle => "idle",
        /// The server drains.
        Drain => "drain",
    }
}

labels! {
    /// How credited units left an account other than by being used.
    UnitsEnd {
        /// Their grant reached its expiry.
        Expired => "expired",
        /// Their grant was voided.
        Voided => "voided",
        /// Their benefit was taken back.
        Revoked => "revoked",
        /// Their cycle ended.
        TurnedOver => "turned-over",
    }
}
