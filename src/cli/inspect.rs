//! `drawdown inspect`: what is in a data directory, as JSON lines.

use std::io;
use std::io::BufWriter;
use std::io::Write;

use clap::Args;
use clap::Subcommand;

use crate::data_dir::DataDir;
use crate::id::Seq;
use crate::id::ShardNumber;

use super::EngineCalls;
use super::failure::Exit;
use super::failure::Failure;
use super::reach::Place;

const EXAMPLES: &str = "\
Examples:
  drawdown inspect accounts --customer ada | jq .
  drawdown inspect journal --shard 0 --from 1200 --limit 20
  drawdown inspect snapshots";

/// Show accounts, journal frames or snapshots as JSON lines.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InspectArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every customer meter with its balance and grants, as the directory would recover it.
    Accounts {
        /// Of this customer only, by external id or id.
        #[arg(long, value_name = "ID")]
        customer: Option<String>,
        #[command(flatten)]
        range: Range,
    },
    /// Journal frames: epoch, batch, positions, time, size.
    Journal {
        /// Begin at the frame with this position.
        #[arg(long, value_name = "SEQ", default_value_t = 1)]
        from: u64,
        #[command(flatten)]
        range: Range,
    },
    /// Snapshots: position, time, counts, whether they are whole.
    Snapshots {
        #[command(flatten)]
        range: Range,
    },
}

#[derive(Debug, Args)]
struct Range {
    /// Of this shard only.
    #[arg(long, value_name = "N")]
    shard: Option<u16>,
    /// At most this many lines.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    #[command(flatten)]
    place: Place,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What each line is about.
    pub subject: Subject,
    /// Of this shard only.
    pub shard: Option<ShardNumber>,
    /// At most this many lines.
    pub lines_max: u64,
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A customer meter, of this customer only.
    Accounts(Option<String>),
    /// A journal frame, from this position on.
    Journal(Seq),
    /// A snapshot.
    Snapshots,
}

pub(super) fn run(args: &InspectArgs, engine: EngineCalls) -> Result<Exit, Failure> {
    let (subject, range) = match &args.what {
        What::Accounts { customer, range } => (Subject::Accounts(customer.clone()), range),
        What::Journal { from, range } => (Subject::Journal(Seq(*from)), range),
        What::Snapshots { range } => (Subject::Snapshots, range),
    };
    let directory = DataDir::open(&range.place.path()?)?;
    let inspection = Inspection {
        subject,
        shard: range.shard.map(ShardNumber),
        lines_max: range.limit.unwrap_or(u64::MAX),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = (engine.inspect)(&directory, &inspection, &mut out)
        .and_then(|()| out.flush().map_err(Failure::from));
    match written {
        Err(failure) if is_closed_pipe(&failure) => Ok(Exit::Good),
        Err(failure) => Err(failure),
        Ok(()) => Ok(Exit::Good),
    }
}

/// Whoever reads has seen enough: `drawdown inspect accounts | head`.
fn is_closed_pipe(failure: &Failure) -> bool {
    let error = failure.cause.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
