//! The lines by which DHCP and router advertisements tell devices where the portal is (RFC 8910): option 114, option 103
//! of DHCPv6, option 37 of router advertisements.

use serde::Serialize;

/// Lines for one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Lines {
    /// The server, and the file they belong to.
    pub(crate) server: &'static str,
    /// One each.
    pub(crate) lines: Vec<String>,
}

/// The lines for a portal at `url`, without a slash at its end. Devices only take a URL with https.
#[must_use]
pub(crate) fn lines(url: &str) -> Vec<Lines> {
    let api = format!("{url}/captive-api");
    // dnsmasq knows neither option by name, and has no option 37 for router advertisements.
    let dnsmasq = vec![
        format!("dhcp-option=114,{api}"),
        format!("dhcp-option=option6:103,{api}"),
    ];
    let isc = vec![
        "option captive-portal code 114 = text;".to_owned(),
        format!("option captive-portal \"{api}\";"),
        "# dhcpd6.conf".to_owned(),
        "option dhcp6.captive-portal code 103 = text;".to_owned(),
        format!("option dhcp6.captive-portal \"{api}\";"),
    ];
    let kea = vec![
        format!("{{ \"name\": \"v4-captive-portal\", \"code\": 114, \"data\": \"{api}\" }}"),
        "# kea-dhcp6.conf".to_owned(),
        format!("{{ \"name\": \"v6-captive-portal\", \"code\": 103, \"data\": \"{api}\" }}"),
    ];
    let odhcpd = vec![format!("option captive_portal_uri '{api}'")];
    let radvd = vec![format!("AdvCaptivePortalAPI \"{api}\";")];
    vec![
        Lines {
            server: "dnsmasq (dnsmasq.conf)",
            lines: dnsmasq,
        },
        Lines {
            server: "ISC dhcpd (dhcpd.conf)",
            lines: isc,
        },
        Lines {
            server: "Kea (option-data of kea-dhcp4.conf)",
            lines: kea,
        },
        Lines {
            server: "odhcpd, router advertisements too (/etc/config/dhcp)",
            lines: odhcpd,
        },
        Lines {
            server: "radvd, router advertisements (radvd.conf)",
            lines: radvd,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_gets_the_address_of_the_api() {
        for server in lines("https://wifi.example.org") {
            let text = server.lines.join("\n");
            assert!(text.contains("https://wifi.example.org/captive-api"), "{text}");
        }
    }
}
