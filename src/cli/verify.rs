//! `drawdown verify`: read everything, and say whether it is whole.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::data_dir::DataDir;
use crate::data_dir::DataDirError;

use super::EngineCalls;
use super::failure::Exit;
use super::failure::Failure;
use super::reach::Place;

const NOTES: &str = "\
Reads every journal and snapshot of the directory and changes none of them.
Ends with 0 when all is whole, 1 when something is damaged, 2 when it cannot tell.";

/// Check every file of a data directory that no server uses.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    place: Place,
    /// Say the result as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Something that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// In which file.
    pub file: PathBuf,
    /// Where in it, in bytes, if that is known.
    pub position: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// What was read, and what of it is damaged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// What is damaged; nothing, when all is whole.
    pub damage: Vec<Damage>,
    /// Snapshots that were read.
    pub snapshots: u64,
    /// Journal frames that were read.
    pub frames: u64,
    /// Journal records that were read.
    pub records: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

pub(super) fn run(args: &VerifyArgs, engine: EngineCalls) -> Result<Exit, Failure> {
    // Whatever keeps this from reading, the answer is that it cannot tell.
    let cannot_tell = |failure: Failure| Failure { exit: Exit::Usage, ..failure };
    let path = args.place.path().map_err(cannot_tell)?;
    let verified = match DataDir::open(&path) {
        Ok(directory) => (engine.verify)(&directory).map_err(cannot_tell)?,
        Err(error) => {
            let damage = damage_of(error).map_err(|error| cannot_tell(error.into()))?;
            Verified { damage: vec![damage], ..Verified::default() }
        }
    };
    report(args, &verified)?;
    Ok(if verified.damage.is_empty() { Exit::Good } else { Exit::CheckFailed })
}

fn damage_of(error: DataDirError) -> Result<Damage, DataDirError> {
    let what = error.to_string();
    match error {
        DataDirError::LostIdentity { file, .. }
        | DataDirError::Damaged { file, .. }
        | DataDirError::Missing { missing: file } => Ok(Damage { file, position: None, what }),
        DataDirError::Locked { .. }
        | DataDirError::Absent { .. }
        | DataDirError::Foreign { .. }
        | DataDirError::Newer { .. }
        | DataDirError::Differs { .. }
        | DataDirError::Create { .. }
        | DataDirError::Io { .. }
        | DataDirError::Random(_) => Err(error),
    }
}

fn report(args: &VerifyArgs, verified: &Verified) -> Result<(), Failure> {
    if args.json {
        let text =
            serde_json::to_string(verified).map_err(|error| Failure::new(Exit::Internal, error))?;
        println!("{text}");
        return Ok(());
    }
    for Damage { file, position, what } in &verified.damage {
        match position {
            Some(position) => println!("damaged: {} at byte {position}: {what}", file.display()),
            None => println!("damaged: {}: {what}", file.display()),
        }
    }
    let Verified { damage, snapshots, frames, records, bytes } = verified;
    let state = if damage.is_empty() { "whole" } else { "damaged" };
    println!("{state}: {snapshots} snapshots, {frames} frames, {records} records, {bytes} bytes");
    Ok(())
}
