//! Why an engine is not opened.

use crate::data_dir::DataDirError;
use crate::engine::catalog_actor::ChangeError;
use crate::engine::recovery::RecoveryError;
use crate::id::ShardNumber;

/// Why an engine was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory itself.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// What a shard holds.
    #[error("shard {shard}: {error}")]
    Shard {
        /// Which one.
        shard: ShardNumber,
        /// Why.
        error: RecoveryError,
    },
    /// The catalog.
    #[error("catalog: {0}")]
    Catalog(RecoveryError),
    /// The catalog's first change.
    #[error("catalog: {0}")]
    FirstOrganization(ChangeError),
    /// The system refuses a thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl OpenError {
    /// Whether what is stored is not what was written.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        match self {
            Self::Shard { error, .. } | Self::Catalog(error) => error.is_damage(),
            Self::DataDir(_) | Self::FirstOrganization(_) | Self::Thread(_) => false,
        }
    }
}
