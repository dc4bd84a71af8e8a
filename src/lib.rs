//! Drawdown is a balance engine for prepaid usage. An application reports what each customer used;
//! the engine draws it down from the credits that the customer holds, answers with the new balance
//! in the same reply, and never loses or repeats a deduction.
//!
//! The binary serves it over the Redis protocol ([`tcp`], [`resp`]). This library is the same
//! engine without sockets:
//!
//! ```rust
//! use drawdown::engine::call::GrantCall;
//! use drawdown::engine::reply::Said;
//! use drawdown::engine::{Engine, EngineOptions};
//! use drawdown::meter::Aggregation;
//! use drawdown::units::Units;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let directory = tempfile::tempdir()?;
//!     let engine = Engine::open(directory.path(), &EngineOptions::default())?;
//!     let organization = engine.catalog().organization_named("default").ok_or("none")?.number;
//!     let tokens = engine.create_meter(organization, "tokens", "call", Aggregation::Count).await?;
//!
//!     let credit = GrantCall {
//!         units: Units::parse(b"100")?,
//!         priority: 0,
//!         effective_at: None,
//!         expires_at: None,
//!     };
//!     engine.grant(&tokens, "anna", credit, Some("welcome")).await?;
//!
//!     // Applied, and on the disk, when the answer is there.
//!     let cost = Units::parse(b"2.5")?;
//!     let (said, balance) = engine.debit(&tokens, "anna", cost, Some("request-1")).await?;
//!     assert_eq!((said, balance.to_string().as_str()), (Said::Applied, "97.5"));
//!
//!     // The same key again: nothing changes, and the answer says what the first attempt did.
//!     let (said, _) = engine.debit(&tokens, "anna", cost, Some("request-1")).await?;
//!     assert_eq!(said, Said::Duplicate);
//!     assert_eq!(engine.balance(&tokens, "anna").await?.to_string(), "97.5");
//!
//!     engine.drain().await?;
//!     Ok(())
//! }
//! ```
//!
//! # The flow
//!
//! There is one way through the house, and nothing skips a step:
//!
//! ```text
//! door      parses, authenticates, finds the customer's shard        tcp, engine::Engine
//! sequence  gives the command its time, its place and its record     engine::sequencer
//! journal   makes the open batch durable with one sync               engine::journal_thread
//! apply     moves balances, in journal order                         engine::shard, account
//! reply     in the order in which the caller asked                   engine::session
//! ```
//!
//! Memory never runs ahead of the disk: what is applied is durable, so a read never shows what a
//! crash could take back, and a failed sync has nothing to undo. Everything that apply needs stands
//! in the record, so that replaying the journal gives the very state that was live.
//!
//! A customer on one meter is a hosted actor ([`engine::customer_meter`]) around the pure state
//! machine [`account::Account`]: same account, action and time, same outcome.
//!
//! # The floors
//!
//! A module uses its own floor and lower ones. The two lowest are pure: no I/O, no clock, no
//! randomness, no actors; they are all that is left without the feature `server`.
//!
//! | floor | modules |
//! | --- | --- |
//! | 0, vocabulary | [`id`], [`units`], [`money`], [`time`], [`slot`], [`span`], [`encoding`] |
//! | 1, the domain | [`event`], [`meter`], [`grant`], [`account`], [`customer`], [`cycle`], [`price`], [`product`], [`catalog`], [`keys`], [`token`], [`workload`] |
//! | 2, storage and codecs | [`journal`], [`snapshot`], [`resp`], [`metrics`], [`readiness`] |
//! | 3, the engine | [`data_dir`], [`engine`] |
//! | 4, edges | [`tcp`], [`http`] |
//! | 5, composition | [`cli`], [`config`], [`server`], [`tools`] |

// Floor 0: vocabulary.
pub mod encoding;
pub mod id;
pub mod money;
pub mod slot;
pub mod span;
pub mod time;
pub mod units;

// Floor 1: the domain, pure.
pub mod account;
pub mod catalog;
pub mod customer;
pub mod cycle;
pub mod event;
pub mod grant;
pub mod keys;
pub mod meter;
pub mod price;
pub mod product;
pub mod token;
pub mod workload;

// Floor 2: storage and codecs.
#[cfg(feature = "server")]
pub mod journal;
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "server")]
pub mod readiness;
#[cfg(feature = "server")]
pub mod resp;
#[cfg(feature = "server")]
pub mod snapshot;

// Floor 3: the engine.
#[cfg(feature = "server")]
pub mod data_dir;
#[cfg(feature = "server")]
pub mod engine;

// Floor 4: edges.
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "server")]
pub mod tcp;

// Floor 5: composition.
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod tools;

/// The examples of the README, which are run like these.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
