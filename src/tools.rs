//! What the command line does with a directory that no server uses, in its own words.

use std::io::Write;

use uuid::Uuid;

use crate::catalog::{CatalogEdit, NewToken, Token};
use crate::cli::{
    Damage, Exit, Failure, Inspection, Subject, TokenAnswer, TokenRequest, TokenRow, Verified,
};
use crate::data_dir::DataDir;
use crate::engine::offline::{self, Extract, OfflineError};
use crate::engine::recovery::{RecoveryError, is_journal_damage};
use crate::id::{OrganizationId, TokenId};
use crate::journal::{JournalError, Position};
use crate::snapshot::SnapshotError;
use crate::token::TokenText;

/// Reads every journal and snapshot; damage is a result, not a failure.
///
/// # Errors
/// Something keeps it from reading.
pub fn verify(directory: &DataDir) -> Result<Verified, Failure> {
    let mut verified = Verified::default();
    let mut obstacle = None;
    let read = offline::verify(directory, &mut |error| match damage_of(&error) {
        Some(damage) => verified.damage.push(damage),
        None => obstacle = Some(error),
    })
    .map_err(failure)?;
    if let Some(error) = obstacle {
        return Err(failure(error));
    }
    Ok(Verified {
        snapshots: read.snapshots,
        frames: read.frames,
        records: read.records,
        bytes: read.bytes,
        ..verified
    })
}

/// The damage that an error tells of, if it does.
fn damage_of(error: &OfflineError) -> Option<Damage> {
    let what = error.to_string();
    let journal = |error: &JournalError| {
        let JournalError::Damaged { file, position, what: detail } = error else {
            let damage = Damage { file: "journal".into(), position: None, what: what.clone() };
            return is_journal_damage(error).then_some(damage);
        };
        let byte = match position {
            Position::Byte(byte) => Some(*byte),
            Position::Batch(_) => None,
        };
        Some(Damage { file: file.clone(), position: byte, what: format!("{position}: {detail}") })
    };
    match error {
        OfflineError::Catalog(RecoveryError::Journal(error))
        | OfflineError::Shard { error: RecoveryError::Journal(error), .. } => journal(error),
        OfflineError::Catalog(RecoveryError::Snapshot(error))
        | OfflineError::Shard { error: RecoveryError::Snapshot(error), .. } => {
            let SnapshotError::Damaged { file, position, what } = error else { return None };
            let what = (*what).to_owned();
            Some(Damage { file: file.clone(), position: Some(*position), what })
        }
        OfflineError::Catalog(RecoveryError::Foreign { file, what, .. })
        | OfflineError::Shard { error: RecoveryError::Foreign { file, what, .. }, .. } => {
            Some(Damage { file: file.clone(), position: None, what: (*what).to_owned() })
        }
        OfflineError::Change(_) | OfflineError::Output(_) => None,
    }
}

/// Writes what was asked for as JSON lines.
///
/// # Errors
/// Something is damaged, or cannot be written.
pub fn inspect(
    directory: &DataDir,
    inspection: &Inspection,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let extract =
        |customer| Extract { shard: inspection.shard, customer, lines_max: inspection.lines_max };
    let written = match &inspection.subject {
        Subject::Accounts(customer) => {
            offline::write_accounts(directory, &extract(customer.as_deref()), out)
        }
        Subject::Journal(from) => offline::write_frames(directory, *from, &extract(None), out),
        Subject::Snapshots => offline::write_snapshots(directory, &extract(None), out),
    };
    written.map_err(failure)
}

/// Changes or lists the tokens of a directory that no server uses.
///
/// # Errors
/// The change makes no sense, or the catalog is damaged.
pub fn tokens(directory: &DataDir, request: &TokenRequest) -> Result<TokenAnswer, Failure> {
    match request {
        TokenRequest::Create { organization, scopes } => {
            let catalog = offline::read_catalog(directory).map_err(failure)?;
            let known = catalog.organization_named(organization).map(|known| known.number);
            let number = if let Some(number) = known {
                number
            } else {
                let id = OrganizationId(Uuid::new_v4());
                let edit = CatalogEdit::Organization(id, organization.clone());
                let catalog = offline::change_catalog(directory, edit).map_err(failure)?;
                let made = catalog.organization_named(organization);
                made.map(|made| made.number)
                    .ok_or_else(|| Failure::said(Exit::Internal, "no organization was made"))?
            };
            let mut random = [0; 32];
            getrandom::fill(&mut random).map_err(|error| Failure::new(Exit::Internal, error))?;
            let secret = TokenText::mint(&random);
            let id = TokenId(Uuid::new_v4());
            let token = NewToken {
                id,
                organization: number,
                scopes: *scopes,
                hash: secret.hash(),
                comment: Box::default(),
                expires_at: None,
            };
            let edit = CatalogEdit::Token(Box::new(token));
            offline::change_catalog(directory, edit).map_err(failure)?;
            Ok(TokenAnswer::Created { id: id.to_string(), token: secret.as_str().to_owned() })
        }
        TokenRequest::List => {
            let catalog = offline::read_catalog(directory).map_err(failure)?;
            let row = |token: &Token| TokenRow {
                id: token.id.to_string(),
                organization: catalog
                    .organization(token.organization)
                    .map_or_else(String::new, |organization| organization.name.clone()),
                scope: token.scopes.to_string(),
            };
            Ok(TokenAnswer::Listed(catalog.tokens().map(row).collect()))
        }
        TokenRequest::Revoke(id) => {
            let edit = CatalogEdit::TokenRevoke(*id);
            offline::change_catalog(directory, edit).map_err(failure)?;
            Ok(TokenAnswer::Revoked)
        }
    }
}

fn failure(error: OfflineError) -> Failure {
    let damaged = damage_of(&error).is_some();
    match error {
        // Whoever reads the output tells a closed pipe from a full disk by the error itself.
        OfflineError::Output(error) => error.into(),
        OfflineError::Change(error) => Failure::new(Exit::Usage, error),
        OfflineError::Shard { .. } | OfflineError::Catalog(_) if damaged => {
            Failure::new(Exit::Damaged, error)
        }
        OfflineError::Shard { .. } | OfflineError::Catalog(_) => {
            Failure::new(Exit::Internal, error)
        }
    }
}
