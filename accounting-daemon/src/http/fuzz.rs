//! See [`crate::fuzz`].

use super::{
    auth::Caller,
    fields::{BodyError, Fields},
    form, times,
    tokens::fuzz,
};

pub(crate) fn json(bytes: &[u8]) {
    read(|| Fields::json(bytes));
}

pub(crate) fn form(bytes: &[u8]) {
    read(|| Fields::form(bytes));
}

fn read(fields: impl Fn() -> Result<Fields, BodyError>) {
    let Ok(draft) = fields() else { return };
    fuzz::draft(draft, &Caller::administrator("fuzz"));
    let Ok(mut fields) = fields() else { return };
    for name in [
        "AccessCode",
        "MacAddress",
        "Zone",
        "Takeover",
        "MinutesLeft",
        "ValidTo",
        "BookingGuid",
    ] {
        let _ = fields.text(name, 100);
        let _ = fields.mac(name);
        let _ = fields.integer::<u16>(name, 0, 65_535);
        let _ = fields.flag(name);
        let _ = fields.time(name);
        let _ = fields.uuid(name);
    }
    let _ = fields.into_errors();
}

pub(crate) fn table(bytes: &[u8]) {
    fuzz::table(bytes, &Caller::administrator("fuzz"));
}

pub(crate) fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    fuzz::list(text, &Caller::administrator("fuzz"));
    for name in ["From", "After", "Size", "Zone"] {
        if let Ok(Some(value)) = form::parameter(Some(text), name)
            && let Some(time) = times::parse(&value)
        {
            // What is shown is what was meant.
            let shown = times::show(time).unwrap_or_default();
            assert_eq!(times::parse(&shown), Some(time), "{value:?}");
        }
    }
}
