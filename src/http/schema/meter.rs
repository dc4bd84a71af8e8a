//! Meters as Polar shows them.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::meter;
use crate::meter::MeterUnit;

use super::Moment;
use super::json;

/// A meter.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct Meter {
    metadata: Box<RawValue>,
    created_at: Moment,
    modified_at: Option<Moment>,
    #[serde(flatten)]
    named: NamedMeter,
    filter: Box<RawValue>,
    aggregation: Box<RawValue>,
    organization_id: Uuid,
    archived_at: Option<Moment>,
}

/// What a meter and its units are called.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct NamedMeter {
    id: Uuid,
    name: Box<str>,
    unit: &'static str,
    custom_label: Option<Box<str>>,
    custom_multiplier: Option<u32>,
}

impl NamedMeter {
    /// `meter`, by name.
    pub(in crate::http) fn of(meter: &meter::Meter) -> Self {
        let (unit, custom_label, custom_multiplier) = match &meter.unit {
            MeterUnit::Scalar => ("scalar", None, None),
            MeterUnit::Token => ("token", None, None),
            MeterUnit::Custom { label, multiplier } => ("custom", Some(label.clone()), *multiplier),
        };
        let (id, name) = (meter.id.0, meter.name.clone());
        Self { id, name, unit, custom_label, custom_multiplier }
    }
}

impl Meter {
    /// `meter`, which is this organization's.
    pub(in crate::http) fn of(meter: &meter::Meter, organization_id: Uuid) -> Self {
        Self {
            metadata: json(meter.metadata.as_json()),
            created_at: Moment(meter.created_at),
            modified_at: meter.modified_at.map(Moment),
            named: NamedMeter::of(meter),
            filter: json(meter.filter.to_json()),
            aggregation: json(meter.aggregation.to_json()),
            organization_id,
            archived_at: meter.archived_at.map(Moment),
        }
    }
}
