//! The settings of the portal: where it is, how it looks, what it may be kept busy with.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use hyper::Uri;

use super::{ApiConfig, KIB, SECOND, TlsConfig, problem::ProblemKind, reader::Table};

/// The portal listener and its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalConfig {
    /// The port on the gateway's own addresses that strangers may reach.
    pub listen_port: u16,
    /// Scheme, host and port under which guests reach it, such as `https://wifi.example.org`; without it, the address of the
    /// gateway that is nearest to the guest.
    pub url: Option<String>,
    /// Certificate and key; who speaks TLS gets it, on the same port.
    pub tls: Option<TlsConfig>,
    /// The operator's name.
    pub name: String,
    /// The colour of buttons.
    pub colour: Colour,
    /// A picture.
    pub logo: Option<PathBuf>,
    /// A plain text that guests must accept.
    pub terms: Option<PathBuf>,
    /// What to do when nothing helps, such as "Ask at the reception".
    pub help: Option<String>,
    /// Where the way on leads when a guest asked for nothing else.
    pub home: Option<String>,
    /// Told to devices as `venue-info-url` (RFC 8908).
    pub venue: Option<String>,
    /// A folder of texts, a file each language.
    pub languages: Option<PathBuf>,
    /// A folder of templates that replace those of the same name.
    pub templates: Option<PathBuf>,
    /// How long a browser may resume without the code, in days; 0: never.
    pub resume_days: u32,
    /// How long a client may take for a header, for the next part of a form, or between two requests.
    pub header_timeout: Duration,
    /// How long a request may take from its header to its answer.
    pub request_timeout: Duration,
    /// The largest header in bytes.
    pub header_bytes_max: usize,
    /// The largest form in bytes.
    pub body_bytes_max: usize,
    /// Connections at once; more take the place of the one that has been silent for longest.
    pub connections_max: usize,
    /// Connections of one device at once; more are closed.
    pub connections_per_device: usize,
}

/// A colour of a screen: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

/// What was written is no colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a colour: expected one such as #0b6e4f")]
pub struct ColourError;

impl FromStr for Colour {
    type Err = ColourError;

    fn from_str(text: &str) -> Result<Self, ColourError> {
        let digits = text.strip_prefix('#').ok_or(ColourError)?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ColourError);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| ColourError)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl PortalConfig {
    pub(super) fn check(mut table: Table<'_, '_>, api: &ApiConfig) -> Self {
        let listen_port = table.number("listen_port", 1, u64::from(u16::MAX), 8880);
        // The gate lets strangers reach this port on every address of the gateway.
        if api.listen.iter().any(|address| address.port() == listen_port) {
            table.problem(ProblemKind::PortShared(listen_port));
        }
        let colour = table
            .get("colour")
            .and_then(|value| value.parse("a colour such as \"#0b6e4f\""));
        let config = Self {
            listen_port,
            url: origin(&mut table),
            tls: TlsConfig::check(&mut table, "portal.tls"),
            name: table.text("name").unwrap_or_else(|| "WiFi".to_owned()),
            colour: colour.unwrap_or(Colour([0x0b, 0x6e, 0x4f])),
            logo: table.text("logo").map(PathBuf::from),
            terms: table.text("terms").map(PathBuf::from),
            help: table.text("help"),
            home: address(&mut table, "home"),
            venue: address(&mut table, "venue"),
            languages: table.text("languages").map(PathBuf::from),
            templates: table.text("templates").map(PathBuf::from),
            resume_days: table.number("resume_days", 0, 365, 30),
            header_timeout: SECOND * table.number("header_timeout_s", 1, 600, 10),
            request_timeout: SECOND * table.number("request_timeout_s", 1, 3600, 30),
            header_bytes_max: table.number("header_bytes_max", 8 * 1024, 1024 * 1024, 16 * KIB),
            body_bytes_max: table.number("body_bytes_max", 1024, 1024 * 1024, 16 * KIB),
            connections_max: table.number("connections_max", 1, 65_536, 1024),
            connections_per_device: table.number("connections_per_device", 1, 65_536, 64),
        };
        table.finish();
        config
    }
}

fn is_web(uri: &Uri) -> bool {
    let plain = uri
        .authority()
        .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
    plain && matches!(uri.scheme_str(), Some("http" | "https"))
}

fn origin(table: &mut Table<'_, '_>) -> Option<String> {
    const WANTED: &str = "scheme, host and port such as \"https://wifi.example.org\", without a path";
    let value = table.get("url")?;
    let text = value.text()?;
    match text.parse::<Uri>() {
        Ok(uri) if is_web(&uri) && uri.path_and_query().is_none_or(|path| path == "/") => {
            Some(text.trim_end_matches('/').to_owned())
        }
        _ => value.bad_text(WANTED),
    }
}

fn address(table: &mut Table<'_, '_>, key: &'static str) -> Option<String> {
    let value = table.get(key)?;
    let text = value.text()?;
    match text.parse::<Uri>() {
        Ok(uri) if is_web(&uri) => Some(text.to_owned()),
        _ => value.bad_text("an address such as \"https://example.org/\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_six_digits() {
        let colour: Colour = "#0B6e4f".parse().unwrap();
        assert_eq!(colour.to_string(), "#0b6e4f");
        for wrong in [
            "", "#", "0b6e4f", "#0b6e4", "#0b6e4f0", "#+b6e4f", "red", "#é6e4f",
        ] {
            assert_eq!(wrong.parse::<Colour>(), Err(ColourError), "{wrong}");
        }
    }
}
