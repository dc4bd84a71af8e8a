//! Why a bench run ends without a result.

use std::io;

/// Why a bench run ends without a result.
#[derive(Debug, thiserror::Error)]
pub(super) enum BenchError {
    /// Nobody listens there.
    #[error("cannot connect to {address}")]
    Connect {
        /// Where.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The connection broke, so that it is not known what was done.
    #[error("lost the connection to {address}")]
    Lost {
        /// To where.
        address: String,
        /// How.
        source: io::Error,
    },
    /// A server that is connected but does not answer.
    #[error("{address} has not answered for {seconds} s")]
    Silent {
        /// Where it listens.
        address: String,
        /// For how long.
        seconds: u64,
    },
    /// A step before or after the load was answered with an error.
    #[error("{step} was answered with: {answer}")]
    Rejected {
        /// What was asked.
        step: &'static str,
        /// The server's words.
        answer: String,
    },
    /// The server does not speak as it should.
    #[error("expected {wanted}, found: {found}")]
    Unexpected {
        /// What should stand there.
        wanted: &'static str,
        /// What stands there.
        found: String,
    },
    /// No poll could be set up, or no random run id.
    #[error("the operating system refuses")]
    System(#[source] io::Error),
    /// Standard output is gone.
    #[error("cannot print the report")]
    Print(#[source] io::Error),
}
