//! Access tokens, by age, by id and by secret.

use std::sync::Arc;

use super::Token;
use super::chunks::Chunks;
use super::shared_map::SharedMap;
use crate::id::TokenId;
use crate::token::TokenHash;

/// The tokens that were not revoked.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens {
    rows: Chunks<Arc<Token>>,
    by_id: SharedMap<TokenId, Arc<Token>>,
    /// By the hash of the secret. Nobody can choose secrets by their SHA-256, so the time that
    /// finding one takes tells nothing about another.
    by_hash: SharedMap<[u8; 32], Arc<Token>>,
}

impl Tokens {
    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Token>> {
        self.rows.iter()
    }

    pub(super) fn get(&self, id: TokenId) -> Option<&Arc<Token>> {
        self.by_id.get(&id)
    }

    pub(super) fn opened_by(&self, hash: &TokenHash) -> Option<&Arc<Token>> {
        self.by_hash.get(&hash.0).filter(|token| token.hash == *hash)
    }

    pub(super) fn push(&mut self, token: &Arc<Token>) {
        self.rows.push(Arc::clone(token));
        self.by_id.insert(token.id, Arc::clone(token));
        self.by_hash.insert(token.hash.0, Arc::clone(token));
    }

    /// Takes one away, which means to go through all: tokens are not revoked by the thousand.
    pub(super) fn remove(&mut self, id: TokenId) -> bool {
        let Some(token) = self.get(id).cloned() else { return false };
        self.by_id.remove(&id);
        self.by_hash.remove(&token.hash.0);
        self.rows = self.rows.iter().filter(|other| other.id != id).cloned().collect();
        true
    }
}
