//! The fields of a record as lists sort and filter them and tables show them.

use std::borrow::Cow;

use crate::{
    http::{record, times},
    ledger::{Token, minutes_shown},
};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    /// Compared as it is shown: in whole seconds.
    Time,
    Code,
    Text,
    Guid,
    Mac,
    Flag,
    /// Null in every record.
    Nothing,
}

/// A value as values are compared: nothing comes before everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value<'t> {
    Null,
    /// Also seconds since 1970, addresses and flags.
    Number(i64),
    Guid(u128),
    Text(Cow<'t, str>),
}

impl Value<'_> {
    pub(super) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Number(number) => Value::Number(number),
            Self::Guid(guid) => Value::Guid(guid),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        }
    }

    /// Bytes beside the value itself.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            _ => 0,
        }
    }
}

macro_rules! columns {
    ($($column:ident $kind:ident,)+) => {
        /// A field of the record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Column { $($column,)+ }

        impl Column {
            /// Every one, in the order of the record.
            pub(super) const ALL: &'static [Self] = &[$(Self::$column,)+];

            /// Its name in the record.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$column => stringify!($column),)+ }
            }

            pub(super) const fn kind(self) -> Kind {
                match self { $(Self::$column => Kind::$kind,)+ }
            }
        }
    };
}

columns! {
    BusinessId Number,
    AccessCode Code,
    Description Text,
    MinutesIncluded Number,
    ValidFrom Time,
    ValidTo Time,
    UserLimit Number,
    MinutesLeft Number,
    MacAddress Mac,
    BookingGuid Guid,
    VisitorGuid Guid,
    LastAccess Time,
    Id Number,
    UniqueId Guid,
    CreatedOn Time,
    UpdatedOn Time,
    UpdatedBy Text,
    IsNew Flag,
    SystemId Text,
    ToStringText Text,
    LocalizationDetails Nothing,
    CustomFields Nothing,
    Metering Text,
}

impl Column {
    /// The column of this name, matched without case.
    pub(super) fn named(name: &str) -> Option<Self> {
        let mut columns = Self::ALL.iter().copied();
        columns.find(|column| column.name().eq_ignore_ascii_case(name))
    }

    /// Its value in a token.
    pub(super) fn value(self, token: &Token) -> Value<'_> {
        let number = |number: u64| Value::Number(i64::try_from(number).unwrap_or(i64::MAX));
        let time = |ms: Option<i64>| ms.map_or(Value::Null, |ms| Value::Number(ms.div_euclid(1000)));
        let text = |text| Value::Text(Cow::Borrowed(text));
        let guid = |guid: Option<uuid::Uuid>| guid.map_or(Value::Null, |guid| Value::Guid(guid.as_u128()));
        match self {
            Self::BusinessId => number(token.business_id),
            Self::AccessCode => text(token.code.as_str()),
            Self::Description => token.description.as_deref().map_or(Value::Null, text),
            Self::MinutesIncluded => number(token.minutes_included.into()),
            Self::ValidFrom => time(token.valid_from),
            Self::ValidTo => time(token.valid_to),
            Self::UserLimit => token.user_limit.map_or(Value::Null, |limit| number(limit.into())),
            Self::MinutesLeft => number(minutes_shown(token.left())),
            Self::MacAddress => token.mac_address.map_or(Value::Null, |mac| {
                let [a, b, c, d, e, f] = mac.0;
                Value::Number(i64::from_be_bytes([0, 0, a, b, c, d, e, f]))
            }),
            Self::BookingGuid => guid(token.booking_guid),
            Self::VisitorGuid => guid(token.visitor_guid),
            Self::LastAccess => time(token.last_access),
            Self::Id => number(token.id),
            Self::UniqueId => guid(Some(token.unique_id)),
            Self::CreatedOn => time(Some(token.created_on)),
            Self::UpdatedOn => time(Some(token.updated_on)),
            Self::UpdatedBy => text(&token.updated_by),
            Self::IsNew => Value::Number(0),
            Self::SystemId => token.system_id.as_deref().map_or(Value::Null, text),
            Self::ToStringText => text(record::shown_as(token)),
            Self::LocalizationDetails | Self::CustomFields => Value::Null,
            Self::Metering => text(record::metering(token.metering)),
        }
    }

    /// How a table shows it in a token; null is empty.
    pub(super) fn shown(self, token: &Token) -> Cow<'_, str> {
        match (self.kind(), self.value(token)) {
            (_, Value::Null) => Cow::Borrowed(""),
            (_, Value::Text(text)) => text,
            (Kind::Time, Value::Number(seconds)) => times::show(seconds * 1000).unwrap_or_default().into(),
            (Kind::Mac, _) => token
                .mac_address
                .map(|mac| mac.to_string())
                .unwrap_or_default()
                .into(),
            (Kind::Flag, Value::Number(flag)) => if flag == 0 { "false" } else { "true" }.into(),
            (_, Value::Number(number)) => number.to_string().into(),
            (_, Value::Guid(guid)) => uuid::Uuid::from_u128(guid).to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::http::record::{Record, tests::token};

    /// What a table and a record show is the same, field by field and in the same order.
    #[test]
    fn tables_show_what_records_show() {
        let token = Token {
            user_limit: Some(3),
            description: Some("Room 4".to_owned()),
            ..token()
        };
        let text = serde_json::to_string(&Record::from(&token)).unwrap();
        let mut from = 0;
        let record: Json = serde_json::from_str(&text).unwrap();
        assert_eq!(record.as_object().unwrap().len(), Column::ALL.len());
        for column in Column::ALL {
            let member = format!("\"{}\":", column.name());
            from += text[from..]
                .find(&member)
                .unwrap_or_else(|| panic!("{member} is out of order"));
            let shown = match &record[column.name()] {
                Json::Null => String::new(),
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(column.shown(&token), shown, "{column:?}");
        }
    }

    #[test]
    fn columns_are_found_without_case() {
        assert_eq!(Column::named("minutesLEFT"), Some(Column::MinutesLeft));
        assert_eq!(Column::named("Minutes"), None);
    }
}
