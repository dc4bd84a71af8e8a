//! `drawdown token`: make, list and revoke access tokens.

use clap::Args;
use clap::Subcommand;
use uuid::Uuid;

use crate::id::TokenId;
use crate::token::Scopes;

use super::EngineCalls;
use super::connection::Connection;
use super::connection::ConnectionError;
use super::connection::Reply;
use super::failure::Exit;
use super::failure::Failure;
use super::reach::Reached;
use super::reach::Target;

const EXAMPLES: &str = "\
Examples:
  drawdown token create --scope ingest                 a token for an application
  drawdown token create --org acme --scope read        for another organization
  drawdown token create --scope events:write,customer_meters:read
  drawdown token list                                  id, organization, scope of each
  drawdown token revoke 5d2f3a76-0a4e-4f9b-9d1e-7d1c0f6b2a10

A running server is asked; where none runs, the data directory is changed directly.";

/// Make, list and revoke access tokens.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token. It goes to stdout, once; only its hash is kept.
    Create {
        /// Whose token it is; the organization is made when it is not there.
        #[arg(long, value_name = "NAME", default_value = "default")]
        org: String,
        /// What it may do: admin includes ingest, and ingest includes read; or scopes of Polar's with
        /// commas between them.
        #[arg(long, value_name = "admin|ingest|read|LIST")]
        scope: Scopes,
        #[command(flatten)]
        target: Target,
    },
    /// Say id, organization and scope of every token.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// End a token; what it has open is closed.
    Revoke {
        /// The token's id, as `token list` says it.
        id: Uuid,
        #[command(flatten)]
        target: Target,
    },
}

/// What is asked of the tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// A new one.
    Create {
        /// Whose.
        organization: String,
        /// What it may do.
        scopes: Scopes,
    },
    /// All of them.
    List,
    /// The end of this one.
    Revoke(TokenId),
}

/// One token, without its text, which nobody knows any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: String,
    /// The name of its organization.
    pub organization: String,
    /// What it may do.
    pub scope: String,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAnswer {
    /// The new token.
    Created {
        /// Its id.
        id: String,
        /// Its text, known from here on to its holder alone.
        token: String,
    },
    /// All tokens, by organization and age.
    Listed(Vec<TokenRow>),
    /// It has ended.
    Revoked,
}

pub(super) fn run(args: TokenArgs, engine: EngineCalls) -> Result<Exit, Failure> {
    let (request, target) = match args.action {
        Action::Create { org, scope, target } => {
            (TokenRequest::Create { organization: org, scopes: scope }, target)
        }
        Action::List { target } => (TokenRequest::List, target),
        Action::Revoke { id, target } => (TokenRequest::Revoke(TokenId(id)), target),
    };
    let answer = match target.reach()? {
        Reached::Server(mut server) => ask(&mut server, &request)?,
        Reached::Directory(directory) => (engine.tokens)(&directory, &request)?,
    };
    match answer {
        TokenAnswer::Created { id, token } => {
            // Alone on stdout, so that a script can take it as it is.
            println!("{token}");
            eprintln!("token {id} is not shown again");
        }
        TokenAnswer::Listed(rows) => {
            for TokenRow { id, organization, scope } in rows {
                println!("{id}\t{organization}\t{scope}");
            }
        }
        TokenAnswer::Revoked => {}
    }
    Ok(Exit::Good)
}

fn ask(server: &mut Connection, request: &TokenRequest) -> Result<TokenAnswer, ConnectionError> {
    match request {
        TokenRequest::Create { organization, scopes } => {
            let reply = server.ask(&["TOKEN", "CREATE", organization, &scopes.to_string()])?;
            let [id, token] = texts(reply)?;
            Ok(TokenAnswer::Created { id, token })
        }
        TokenRequest::List => {
            let Reply::Array(rows) = server.ask(&["TOKEN", "LIST"])? else {
                return Err(ConnectionError::Protocol("tokens that are no array"));
            };
            // Each is a map, which this protocol sends as names and values in turn.
            let row = |reply| {
                texts(reply).map(|[_, id, _, organization, _, scope]| TokenRow {
                    id,
                    organization,
                    scope,
                })
            };
            rows.into_iter().map(row).collect::<Result<_, _>>().map(TokenAnswer::Listed)
        }
        TokenRequest::Revoke(id) => {
            server.ask(&["TOKEN", "REVOKE", &id.to_string()])?;
            Ok(TokenAnswer::Revoked)
        }
    }
}

/// The first texts of an array; a later version may say more.
fn texts<const COUNT: usize>(reply: Reply) -> Result<[String; COUNT], ConnectionError> {
    const SHORT: ConnectionError = ConnectionError::Protocol("an array that is too short");
    let Reply::Array(elements) = reply else { return Err(SHORT) };
    let texts: Vec<String> = elements.into_iter().take(COUNT).map(Reply::into_text).collect();
    texts.try_into().map_err(|_| SHORT)
}
