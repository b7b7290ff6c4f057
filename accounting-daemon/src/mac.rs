//! MAC addresses, and the device that a MAC address in a zone is.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A 48-bit MAC address. Parsed from `AA:BB:CC:DD:EE:FF`, with `-`, in dotted triples or bare, in either case; shown
/// with colons and capitals. Personal data: never in a metric label, never in a log at INFO or above.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

/// What was given is not a MAC address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a MAC address: expected six bytes such as AA:BB:CC:DD:EE:FF")]
pub struct MacError;

impl Mac {
    /// Whether one device can own it: not multicast or broadcast, not all zero.
    #[must_use]
    pub const fn is_unicast(self) -> bool {
        let [a, b, c, d, e, f] = self.0;
        a & 1 == 0 && (a | b | c | d | e | f) != 0
    }
}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let separator = match (text.len(), text.as_bytes().get(2), text.as_bytes().get(4)) {
            (12, ..) => None,
            (14, _, Some(b'.')) => Some((b'.', 5)),
            (17, Some(&s @ (b':' | b'-')), _) => Some((s, 3)),
            _ => return Err(MacError),
        };
        let mut bytes = [0u8; 6];
        let mut digits = 0;
        for (at, byte) in text.bytes().enumerate() {
            if let Some((separator, group)) = separator
                && at % group == group - 1
            {
                if byte != separator {
                    return Err(MacError);
                }
                continue;
            }
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                _ => return Err(MacError),
            };
            let cell = bytes.get_mut(digits / 2).ok_or(MacError)?;
            *cell = *cell << 4 | digit;
            digits += 1;
        }
        if digits == 12 {
            Ok(Self(bytes))
        } else {
            Err(MacError)
        }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl JsonSchema for Mac {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MacAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "examples": ["AA:BB:CC:DD:EE:FF"]})
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A device: a MAC address in a zone. Two zones may hold the same MAC address without knowing of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId {
    /// The MAC address.
    pub mac: Mac,
    /// The zone; 0 unless configured.
    pub zone: u16,
}

impl DeviceId {
    /// One number for both, in the same order: the address in its upper 48 bits, the zone in its lower 16.
    #[must_use]
    pub fn to_number(self) -> u64 {
        let address = self
            .mac
            .0
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        address << 16 | u64::from(self.zone)
    }

    /// The device of such a number.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        let [a, b, c, d, e, f, high, low] = number.to_be_bytes();
        Self {
            mac: Mac([a, b, c, d, e, f]),
            zone: u16::from_be_bytes([high, low]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_usual_spelling_is_the_same_address() {
        let mac = Mac([0xaa, 0xbb, 0xcc, 0x0d, 0xee, 0xff]);
        for text in [
            "AA:BB:CC:0D:EE:FF",
            "aa-bb-cc-0d-ee-ff",
            "aabb.cc0d.eeff",
            "aAbBcC0dEeFf",
        ] {
            assert_eq!(text.parse(), Ok(mac), "{text}");
        }
        assert_eq!(mac.to_string(), "AA:BB:CC:0D:EE:FF");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let wrong = [
            "",
            "AA:BB:CC:DD:EE",
            "AA:BB-CC:DD:EE:FF",
            "AA:BB:CC:DD:EE:FG",
            "aab.bccd.deeff",
            "0 bbccddeeff",
            "é:bb:cc:dd:ee:ff",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Mac>(), Err(MacError), "{text}");
        }
    }

    /// "2. request malformed (no code; MAC not a unicast address, all zero, the gateway's own or a known router's)"
    #[test]
    fn groups_and_nobody_are_not_unicast() {
        assert!(!Mac([0xff; 6]).is_unicast());
        assert!(!Mac([0; 6]).is_unicast());
        assert!(!Mac([1, 0, 0x5e, 0, 0, 1]).is_unicast());
        assert!(Mac([2, 0, 0, 0, 0, 1]).is_unicast());
    }

    proptest! {
        #[test]
        fn devices_are_numbered_in_their_order(a: u64, b: u64) {
            let (first, second) = (DeviceId::from_number(a), DeviceId::from_number(b));
            prop_assert_eq!(first.to_number(), a);
            prop_assert_eq!(first.cmp(&second), a.cmp(&b));
        }

        #[test]
        fn what_is_shown_parses_back(bytes: [u8; 6]) {
            prop_assert_eq!(Mac(bytes).to_string().parse(), Ok(Mac(bytes)));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Mac>();
        }
    }
}
