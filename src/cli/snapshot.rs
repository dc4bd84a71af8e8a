//! `drawdown snapshot`: ask the running server for one now.

use clap::Args;

use super::failure::Exit;
use super::failure::Failure;
use super::reach::Reached;
use super::reach::Target;

/// Ask the running server for a snapshot now.
#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: &SnapshotArgs) -> Result<Exit, Failure> {
    match args.target.reach()? {
        Reached::Server(mut server) => {
            println!("{}", server.ask(&["SNAPSHOT"])?.into_text());
            Ok(Exit::Good)
        }
        Reached::Directory(directory) => {
            let path = directory.path().display();
            Err(Failure::said(Exit::Unavailable, format!("no server is running on {path}")))
        }
    }
}
