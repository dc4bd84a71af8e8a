//! Benefits as Polar shows them.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::benefit;
use crate::catalog::Catalog;
use crate::grant::Rollover;

use super::Moment;
use super::json;

/// A benefit that credits a meter: the one kind there is.
#[expect(clippy::struct_excessive_bools, reason = "the fields are Polar's")]
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct Benefit {
    id: Uuid,
    created_at: Moment,
    modified_at: Option<Moment>,
    #[serde(rename = "type")]
    kind: &'static str,
    description: Box<str>,
    selectable: bool,
    deletable: bool,
    is_deleted: bool,
    organization_id: Uuid,
    metadata: Box<RawValue>,
    visibility: &'static str,
    visibility_configurable: bool,
    properties: Properties,
}

/// What it credits.
#[derive(Debug, Clone, Serialize)]
struct Properties {
    units: u32,
    rollover: bool,
    meter_id: Uuid,
}

impl Benefit {
    /// The type of every benefit.
    pub(in crate::http) const KIND: &'static str = "meter_credit";

    /// `benefit`, which is this organization's; its meter is looked up in `catalog`.
    pub(in crate::http) fn of(
        benefit: &benefit::Benefit,
        catalog: &Catalog,
        organization_id: Uuid,
    ) -> Self {
        // A benefit is made on a meter that is there, and meters stay.
        let meter_id = catalog.meter(benefit.meter).map_or(Uuid::nil(), |meter| meter.id.0);
        Self {
            id: benefit.id.0,
            created_at: Moment(benefit.created_at),
            modified_at: benefit.modified_at.map(Moment),
            kind: Self::KIND,
            description: benefit.description.clone(),
            selectable: true,
            deletable: true,
            is_deleted: benefit.is_deleted(),
            organization_id,
            metadata: json(benefit.metadata.as_json()),
            visibility: "public",
            visibility_configurable: true,
            properties: Properties {
                units: benefit.units,
                rollover: benefit.rollover == Rollover::Carries,
                meter_id,
            },
        }
    }
}
