//! What a token may do.

use std::fmt;
use std::str::FromStr;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $bit:literal, $text:literal;)*) => {
        /// One thing that a token may do. The numbers are bits of what is journaled, and for ever.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope {
            $($(#[$doc])* $name = $bit,)*
        }

        impl Scope {
            /// All of them.
            pub const ALL: [Self; [$($bit),*].len()] = [$(Self::$name),*];

            /// How the scope is written.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

scopes! {
    /// Everything in its organization, and tokens and snapshots.
    Admin = 0, "admin";
    /// Report use, debit, grant and void. Includes reporting events.
    Ingest = 1, "ingest";
    /// Read balances, grants and state. Includes what ends in `read` in Polar, webhooks aside.
    Read = 2, "read";
    /// Polar's `events:read`.
    EventsRead = 3, "events:read";
    /// Polar's `events:write`.
    EventsWrite = 4, "events:write";
    /// Polar's `meters:read`.
    MetersRead = 5, "meters:read";
    /// Polar's `meters:write`.
    MetersWrite = 6, "meters:write";
    /// Polar's `customer_meters:read`.
    CustomerMetersRead = 7, "customer_meters:read";
    /// Polar's `customers:read`.
    CustomersRead = 8, "customers:read";
    /// Polar's `customers:write`.
    CustomersWrite = 9, "customers:write";
    /// Polar's `benefits:read`.
    BenefitsRead = 10, "benefits:read";
    /// Polar's `benefits:write`.
    BenefitsWrite = 11, "benefits:write";
    /// Polar's `products:read`.
    ProductsRead = 12, "products:read";
    /// Polar's `products:write`.
    ProductsWrite = 13, "products:write";
    /// Polar's `subscriptions:read`.
    SubscriptionsRead = 14, "subscriptions:read";
    /// Polar's `subscriptions:write`.
    SubscriptionsWrite = 15, "subscriptions:write";
    /// Polar's `orders:read`.
    OrdersRead = 16, "orders:read";
    /// Polar's `checkouts:read`.
    CheckoutsRead = 17, "checkouts:read";
    /// Polar's `checkouts:write`.
    CheckoutsWrite = 18, "checkouts:write";
    /// Polar's `webhooks:read`.
    WebhooksRead = 19, "webhooks:read";
    /// Polar's `webhooks:write`.
    WebhooksWrite = 20, "webhooks:write";
    /// Polar's `customer_sessions:write`.
    CustomerSessionsWrite = 21, "customer_sessions:write";
    /// Polar's `organizations:read`.
    OrganizationsRead = 22, "organizations:read";
    /// Polar's `organizations:write`.
    OrganizationsWrite = 23, "organizations:write";
}

/// What a token may do: a set of scopes. `admin` is all of them, `ingest` includes `read`, and no
/// other scope of Polar's includes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u32);

/// The scopes that are words of our own, the widest first.
const ROLES: [Scope; 3] = [Scope::Admin, Scope::Ingest, Scope::Read];

/// What `read` allows. Not the endpoints of webhooks: what signs them stands there.
const READ: [Scope; 11] = [
    Scope::Read,
    Scope::EventsRead,
    Scope::MetersRead,
    Scope::CustomerMetersRead,
    Scope::CustomersRead,
    Scope::BenefitsRead,
    Scope::ProductsRead,
    Scope::SubscriptionsRead,
    Scope::OrdersRead,
    Scope::CheckoutsRead,
    Scope::OrganizationsRead,
];

impl Scopes {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// These scopes, with all that each includes.
    #[must_use]
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        scopes.into_iter().fold(Self::NONE, |all, scope| all.with(Self::from(scope)))
    }

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a token with these scopes may do what needs `needed`.
    #[must_use]
    pub const fn allows(self, needed: Scope) -> bool {
        self.0 & bit(needed) != 0
    }

    /// Whether they allow nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, by number.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.allows(*scope))
    }

    /// One bit a scope.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The scopes with these bits; none when a bit stands for no scope, or a scope comes without
    /// those that it includes.
    #[must_use]
    pub fn from_bits(bits: u32) -> Option<Self> {
        let scopes = Self(bits);
        (Self::of(scopes.iter()) == scopes).then_some(scopes)
    }
}

const fn bit(scope: Scope) -> u32 {
    1 << scope as u32
}

/// The scope with all that it includes.
impl From<Scope> for Scopes {
    fn from(scope: Scope) -> Self {
        let set = |scopes: &[Scope]| Self(scopes.iter().fold(0, |all, one| all | bit(*one)));
        if scope == Scope::Admin {
            set(&Scope::ALL)
        } else if scope == Scope::Ingest {
            set(&[Scope::Ingest, Scope::EventsWrite]).with(set(&READ))
        } else if scope == Scope::Read {
            set(&READ)
        } else {
            set(&[scope])
        }
    }
}

/// The fewest names that say it, with commas between them.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = ROLES.into_iter().find(|role| self.allows(*role));
        let said = role.map_or(Self::NONE, Self::from);
        let others = self.iter().filter(|scope| !said.allows(*scope));
        for (place, scope) in role.into_iter().chain(others).enumerate() {
            f.write_str(if place > 0 { "," } else { "" })?;
            f.write_str(scope.text())?;
        }
        Ok(())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The text names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is admin, ingest, read, or a list of Polar's, such as events:write,meters:read")]
pub struct ScopeError;

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let named = |scope: &Self| scope.text().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(named).ok_or(ScopeError)
    }
}

/// Names with commas or spaces between them, at least one.
impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let names = text.split([',', ' ']).filter(|name| !name.is_empty());
        let scopes = names.map(str::parse).collect::<Result<Vec<Scope>, _>>()?;
        if scopes.is_empty() { Err(ScopeError) } else { Ok(Self::of(scopes)) }
    }
}
