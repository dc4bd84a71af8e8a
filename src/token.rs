//! Access tokens: their text, what is stored of it, and what a token may do.
//!
//! Only the hash of a token is ever stored. Randomness is an argument: nothing here makes any.

#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

use sha2::Digest;
use sha2::Sha256;
use subtle::ConstantTimeEq;

pub use self::scope::Scope;
pub use self::scope::ScopeError;
pub use self::scope::Scopes;

mod scope;

/// How minted tokens begin, so that a leaked one is recognised by scanners.
pub const TOKEN_PREFIX: &str = "drawdown_";

/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 256;

/// Longest comment on a token, in characters.
pub const COMMENT_CHARS_MAX: usize = 255;

/// The text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token is 1 to 256 printable ASCII characters without spaces")]
pub struct TokenError;

/// A token as its holder knows it. A secret: it is not shown by `Debug`, and there is no `Display`.
#[derive(Clone)]
pub struct TokenText(String);

/// Takes the same time wherever the first difference is.
impl PartialEq for TokenText {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for TokenText {}

impl TokenText {
    /// The token of these random bits: the prefix and 64 hexadecimal digits.
    #[must_use]
    pub fn mint(random: &[u8; 32]) -> Self {
        let mut text = String::from(TOKEN_PREFIX);
        for byte in random {
            for nibble in [byte >> 4, byte & 0x0F] {
                text.extend(char::from_digit(u32::from(nibble), 16));
            }
        }
        Self(text)
    }

    /// A token that was given from outside.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let fits = (1..=TOKEN_BYTES_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(..)")
    }
}

/// SHA-256 of a token. It needs no salt: a minted token has 256 random bits.
#[derive(Debug, Clone, Copy)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of whatever a client presented.
    #[must_use]
    pub fn of(presented: &[u8]) -> Self {
        Self(Sha256::digest(presented).into())
    }
}

/// Takes the same time wherever the first difference is.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

#[cfg(test)]
mod tests;
