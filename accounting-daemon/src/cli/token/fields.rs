//! The fields of a token on the command line.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::{cli::human, mac::Mac};

/// What can be said of a token.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Fields {
    /// The minutes it carries: 90, 1h30m, 2h, 1d, 1w
    #[arg(long, value_name = "MINUTES", value_parser = human::minutes)]
    pub(super) minutes: Option<u32>,

    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Not before: 2026-12-24, "2026-12-24 18:00", tomorrow, +2h
    #[arg(long, value_name = "DATE", value_parser = human::time)]
    valid_from: Option<String>,

    /// Not after: 2026-12-24 (to its end), "2026-12-24 18:00", +7d
    #[arg(long, value_name = "DATE", value_parser = human::end)]
    valid_to: Option<String>,

    /// How many devices at once; 1 without
    #[arg(long, value_name = "DEVICES", value_parser = clap::value_parser!(u32).range(1..=i32::MAX as i64))]
    seats: Option<u32>,

    /// How its minutes run
    #[arg(long, value_enum)]
    metering: Option<Metering>,

    /// The device it is meant for
    #[arg(long, value_name = "MAC")]
    mac: Option<Mac>,

    /// The booking it belongs to, a GUID
    #[arg(long, value_name = "GUID")]
    booking: Option<uuid::Uuid>,

    /// The visitor it belongs to, a GUID
    #[arg(long, value_name = "GUID")]
    visitor: Option<uuid::Uuid>,

    /// Whatever another system wants to find here
    #[arg(long, value_name = "TEXT")]
    system_id: Option<String>,
}

#[cfg(test)]
impl Fields {
    /// So many minutes, and nothing else.
    pub(super) fn of(minutes: u32) -> Self {
        Self {
            minutes: Some(minutes),
            ..Self::default()
        }
    }
}

/// How minutes run.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Metering {
    /// Only while devices are online, each for itself
    Connected,
    /// From the first redemption on, whether online or not
    Elapsed,
}

impl Fields {
    /// The members that were given, as the record API has them.
    pub(super) fn members(&self) -> Map<String, Value> {
        let metering = self.metering.map(|metering| match metering {
            Metering::Connected => "ConnectedTime",
            Metering::Elapsed => "ElapsedTime",
        });
        let all = [
            ("MinutesIncluded", self.minutes.map(Value::from)),
            ("Description", self.description.clone().map(Value::from)),
            ("ValidFrom", self.valid_from.clone().map(Value::from)),
            ("ValidTo", self.valid_to.clone().map(Value::from)),
            ("UserLimit", self.seats.map(Value::from)),
            ("Metering", metering.map(Value::from)),
            ("MacAddress", self.mac.map(|mac| json!(mac.to_string()))),
            ("BookingGuid", self.booking.map(|guid| json!(guid.to_string()))),
            ("VisitorGuid", self.visitor.map(|guid| json!(guid.to_string()))),
            ("SystemId", self.system_id.clone().map(Value::from)),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

/// Fields that can be emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Clearable {
    Description,
    ValidFrom,
    ValidTo,
    Seats,
    Mac,
    Booking,
    Visitor,
    SystemId,
}

impl Clearable {
    /// The member in the record API.
    pub(super) const fn member(self) -> &'static str {
        match self {
            Self::Description => "Description",
            Self::ValidFrom => "ValidFrom",
            Self::ValidTo => "ValidTo",
            Self::Seats => "UserLimit",
            Self::Mac => "MacAddress",
            Self::Booking => "BookingGuid",
            Self::Visitor => "VisitorGuid",
            Self::SystemId => "SystemId",
        }
    }
}
