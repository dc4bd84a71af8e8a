//! The data directory: what is in it, who may use it, and that it is the one it was.
//!
//! ```text
//! directory.toml   its identity: format, id, shards, clock, key seed
//! LOCK             held by the process that uses it
//! shard-000/ ...   journal and snapshots of each shard
//! catalog/         journal and snapshots of the catalog
//! admin.token      the first admin token, unless it was given
//! running.json     where the running server listens
//! ```
//!
//! The identity is written last when a directory is made, so that a directory with an identity has
//! everything else. It never starts empty where data once was.

mod error;
mod files;
mod identity;
mod running;

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use uuid::Uuid;

use crate::id::ShardNumber;
use crate::token::TokenText;

use files::contents;
use files::read_bounded;
use files::sync_directory;
use files::write_whole;
use identity::Unreadable;

pub use error::DataDirError;
pub use identity::ClockKind;
pub use identity::FORMAT;
pub use identity::Identity;
pub use identity::NoClockKind;
pub use running::Running;

const IDENTITY: &str = "directory.toml";
const LOCK: &str = "LOCK";
const CATALOG: &str = "catalog";
const SHARD_PREFIX: &str = "shard-";
const ADMIN_TOKEN: &str = "admin.token";

/// A property of the directory, as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term<T> {
    /// The user said so: a directory that was made otherwise is refused.
    Asked(T),
    /// Nobody said so: only a new directory gets it.
    Suggested(T),
}

impl<T: Copy> Term<T> {
    const fn value(&self) -> T {
        match self {
            Self::Asked(value) | Self::Suggested(value) => *value,
        }
    }
}

/// What a new directory gets, and an old one has to have.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How many shards, at least one.
    pub shards: Term<u16>,
    /// Which clock.
    pub clock: Term<ClockKind>,
}

/// Whether the directory was made just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is new and empty.
    Now,
    /// It was there.
    Before,
}

/// A data directory that this process alone uses, until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    identity: Identity,
    // The lock lasts as long as this handle.
    _lock: File,
}

impl DataDir {
    /// Opens the directory at `path`, or makes it there.
    ///
    /// # Errors
    /// [`DataDirError`]: it is in use, damaged, newer, made otherwise, or cannot be made.
    pub fn open_or_create(path: &Path, terms: Terms) -> Result<(Self, Made), DataDirError> {
        create_directory(path)?;
        let path = canonical(path)?;
        if !has_identity(&path)? {
            // Before the lock file is laid down in somebody else's directory.
            refuse_occupied(&path)?;
        }
        let lock = lock(&path)?;
        let (identity, made) = if has_identity(&path)? {
            (read_identity(&path)?, Made::Before)
        } else {
            (create(&path, terms)?, Made::Now)
        };
        let directory = Self { path, identity, _lock: lock };
        directory.require(terms)?;
        directory.require_parts()?;
        Ok((directory, made))
    }

    /// Opens the directory at `path`, which has to be there.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let path = existing(path)?;
        let lock = lock(&path)?;
        let identity = read_identity(&path)?;
        let directory = Self { path, identity, _lock: lock };
        directory.require_parts()?;
        Ok(directory)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was fixed when it was made.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where the shard keeps its journal and snapshots.
    #[must_use]
    pub fn shard(&self, number: ShardNumber) -> PathBuf {
        shard_path(&self.path, number)
    }

    /// Where the catalog keeps its journal and snapshots.
    #[must_use]
    pub fn catalog(&self) -> PathBuf {
        self.path.join(CATALOG)
    }

    /// The kept admin token, or a new one that is durably kept before this returns, readable by the
    /// owner alone.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn keep_admin_token(&self) -> Result<TokenText, DataDirError> {
        if let Some(kept) = read_admin_token(&self.path)? {
            return Ok(kept);
        }
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random).map_err(DataDirError::Random)?;
        let token = TokenText::mint(&random);
        let file = self.path.join(ADMIN_TOKEN);
        write_whole(&file, format!("{}\n", token.as_str()).as_bytes())
            .map_err(|cause| DataDirError::Io { path: file, cause })?;
        Ok(token)
    }

    /// Says where the server listens, until the value that is returned is dropped.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub fn announce(&self, running: &Running) -> Result<running::Announced, DataDirError> {
        running.announce(&self.path)
    }

    fn require(&self, terms: Terms) -> Result<(), DataDirError> {
        let differs = |name, made: String, asked: String| DataDirError::Differs {
            path: self.path.clone(),
            name,
            made,
            asked,
        };
        let Identity { shards, clock, .. } = self.identity;
        match terms.shards {
            Term::Asked(asked) if asked != shards => {
                return Err(differs("shards", shards.to_string(), asked.to_string()));
            }
            Term::Asked(_) | Term::Suggested(_) => {}
        }
        match terms.clock {
            Term::Asked(asked) if asked != clock => {
                Err(differs("clock", clock.to_string(), asked.to_string()))
            }
            Term::Asked(_) | Term::Suggested(_) => Ok(()),
        }
    }

    /// A directory with an identity once had all its parts.
    fn require_parts(&self) -> Result<(), DataDirError> {
        match parts(&self.path, self.identity.shards).find(|part| !part.is_dir()) {
            Some(missing) => Err(DataDirError::Missing { missing }),
            None => Ok(()),
        }
    }
}

/// The admin token that is kept in the directory at `path`, if there is one.
///
/// # Errors
/// [`DataDirError`].
pub fn read_admin_token(path: &Path) -> Result<Option<TokenText>, DataDirError> {
    let file = path.join(ADMIN_TOKEN);
    let Some(text) = read_bounded(&file)? else { return Ok(None) };
    match TokenText::parse(text.trim_end()) {
        Ok(token) => Ok(Some(token)),
        Err(error) => Err(DataDirError::Damaged { file, what: error.to_string() }),
    }
}

/// The identity of the directory at `path`, which another process may be using.
///
/// # Errors
/// [`DataDirError`].
pub fn read_identity(path: &Path) -> Result<Identity, DataDirError> {
    let file = path.join(IDENTITY);
    let Some(text) = read_bounded(&file)? else {
        refuse_occupied(path)?;
        return Err(DataDirError::Absent { path: path.to_owned() });
    };
    Identity::from_text(&text).map_err(|unreadable| match unreadable {
        Unreadable::Newer(found) => DataDirError::Newer { file, found },
        Unreadable::Damaged(what) => DataDirError::Damaged { file, what },
    })
}

fn has_identity(path: &Path) -> Result<bool, DataDirError> {
    let file = path.join(IDENTITY);
    fs::exists(&file).map_err(|cause| DataDirError::Io { path: file, cause })
}

fn existing(path: &Path) -> Result<PathBuf, DataDirError> {
    if !path.is_dir() {
        return Err(DataDirError::Absent { path: path.to_owned() });
    }
    let path = canonical(path)?;
    // A lock file must not appear in a directory that is none of ours.
    read_identity(&path)?;
    Ok(path)
}

fn canonical(path: &Path) -> Result<PathBuf, DataDirError> {
    path.canonicalize().map_err(|cause| DataDirError::Io { path: path.to_owned(), cause })
}

/// Makes `path` and its parents, and makes their names durable.
fn create_directory(path: &Path) -> Result<(), DataDirError> {
    let failed = |cause| DataDirError::Create { path: path.to_owned(), cause };
    let absolute = std::path::absolute(path).map_err(failed)?;
    let first_made =
        absolute.ancestors().take_while(|above| !above.exists()).last().map(Path::to_owned);
    // Journals hold what customers do, and the identity a secret: others have no business here.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&absolute).map_err(failed)?;
    let Some(first_made) = first_made else { return Ok(()) };
    let above_made = absolute.ancestors().skip(1);
    for directory in above_made {
        sync_directory(directory).map_err(failed)?;
        if !directory.starts_with(&first_made) {
            break;
        }
    }
    Ok(())
}

/// Fails unless a data directory may be made here: it is empty, or was being made when the process
/// died.
fn refuse_occupied(path: &Path) -> Result<(), DataDirError> {
    for entry in contents(path)? {
        let data = path.join(&entry);
        if entry == CATALOG || entry.starts_with(SHARD_PREFIX) {
            if !data.is_dir() || !contents(&data)?.is_empty() {
                return Err(DataDirError::LostIdentity { file: path.join(IDENTITY), data });
            }
        } else if entry == ADMIN_TOKEN || entry == running::FILE {
            return Err(DataDirError::LostIdentity { file: path.join(IDENTITY), data });
        } else if entry != LOCK && entry != "lost+found" && !files::is_unfinished(&entry) {
            return Err(DataDirError::Foreign { path: path.to_owned(), entry });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, DataDirError> {
    let file = path.join(LOCK);
    let failed = |cause| DataDirError::Io { path: file.clone(), cause };
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&file)
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let read = lock.read_to_string(&mut pid);
            let known = read.is_ok() && !pid.trim().is_empty();
            let pid = if known { pid.trim().to_owned() } else { "unknown".to_owned() };
            return Err(DataDirError::Locked { path: path.to_owned(), pid });
        }
        Err(TryLockError::Error(cause)) => return Err(failed(cause)),
    }
    lock.set_len(0).map_err(failed)?;
    lock.write_all(format!("{}\n", std::process::id()).as_bytes()).map_err(failed)?;
    Ok(lock)
}

fn create(path: &Path, terms: Terms) -> Result<Identity, DataDirError> {
    let mut random = [0_u8; 24];
    getrandom::fill(&mut random).map_err(DataDirError::Random)?;
    let (id, seed) = random.split_at(16);
    let identity = Identity {
        id: uuid::Builder::from_random_bytes(id.try_into().unwrap_or(Uuid::nil().into_bytes()))
            .into_uuid(),
        shards: terms.shards.value(),
        clock: terms.clock.value(),
        seed: seed.iter().fold(0, |seed, byte| (seed << 8) | u64::from(*byte)),
    };
    for part in parts(path, identity.shards) {
        let failed = |cause| DataDirError::Create { path: part.clone(), cause };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&part).map_err(failed)?;
    }
    let file = path.join(IDENTITY);
    // Renaming it into place also makes the names of the parts durable.
    write_whole(&file, identity.to_text().as_bytes())
        .map_err(|cause| DataDirError::Create { path: file, cause })?;
    Ok(identity)
}

fn parts(path: &Path, shards: u16) -> impl Iterator<Item = PathBuf> {
    let shards = (0..shards).map(|number| shard_path(path, ShardNumber(number)));
    shards.chain([path.join(CATALOG)])
}

fn shard_path(path: &Path, number: ShardNumber) -> PathBuf {
    path.join(format!("{SHARD_PREFIX}{:03}", number.0))
}

#[cfg(test)]
mod tests;
