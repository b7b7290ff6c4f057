//! What operating systems and browsers ask to find out whether they are online, and the answers that convince them.

use hyper::StatusCode;

use crate::http::answer::{self, Answer};

/// An answer that says: online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    hosts: &'static [&'static str],
    path: &'static str,
    status: u16,
    media_type: &'static str,
    body: &'static str,
}

const TEXT: &str = "text/plain";
const HTML: &str = "text/html";
const APPLE: &str = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>\n";

const fn says(
    hosts: &'static [&'static str],
    path: &'static str,
    media_type: &'static str,
    body: &'static str,
) -> Probe {
    Probe {
        hosts,
        path,
        status: 200,
        media_type,
        body,
    }
}

const fn nothing(hosts: &'static [&'static str], path: &'static str) -> Probe {
    Probe {
        hosts,
        path,
        status: 204,
        media_type: TEXT,
        body: "",
    }
}

/// Every probe that is known. An empty path is any path of the host.
const PROBES: &[Probe] = &[
    // Apple.
    says(
        &[
            "captive.apple.com",
            "www.apple.com",
            "www.appleiphonecell.com",
            "www.airport.us",
            "www.ibook.info",
            "www.itools.info",
            "www.thinkdifferent.us",
        ],
        "/hotspot-detect.html",
        HTML,
        APPLE,
    ),
    says(&["www.apple.com"], "/library/test/success.html", HTML, APPLE),
    says(&["captive.apple.com"], "", HTML, APPLE),
    // Android and ChromeOS.
    nothing(
        &[
            "connectivitycheck.gstatic.com",
            "connectivitycheck.android.com",
            "clients1.google.com",
            "clients3.google.com",
            "clients4.google.com",
            "play.googleapis.com",
            "www.google.com",
            "www.gstatic.com",
        ],
        "/generate_204",
    ),
    nothing(
        &["www.google.com", "google.com", "play.googleapis.com"],
        "/gen_204",
    ),
    // Windows.
    says(
        &["www.msftconnecttest.com", "ipv6.msftconnecttest.com"],
        "/connecttest.txt",
        TEXT,
        "Microsoft Connect Test",
    ),
    says(
        &["www.msftncsi.com", "ipv6.msftncsi.com"],
        "/ncsi.txt",
        TEXT,
        "Microsoft NCSI",
    ),
    // Firefox.
    says(&["detectportal.firefox.com"], "/success.txt", TEXT, "success\n"),
    says(
        &["detectportal.firefox.com"],
        "/canonical.html",
        HTML,
        "<meta http-equiv=\"refresh\" content=\"0;url=https://support.mozilla.org/kb/captive-portal\"/>",
    ),
    // NetworkManager, as GNOME and the distributions configure it.
    says(
        &["nmcheck.gnome.org"],
        "/check_network_status.txt",
        TEXT,
        "NetworkManager is online\n",
    ),
    says(
        &["network-test.debian.org"],
        "/nm",
        TEXT,
        "NetworkManager is online\n",
    ),
    says(
        &["ping.archlinux.org"],
        "/nm-check.txt",
        TEXT,
        "NetworkManager is online\n",
    ),
    says(&["fedoraproject.org"], "/static/hotspot.txt", TEXT, "OK"),
    nothing(&["connectivity-check.ubuntu.com"], "/"),
    // KDE.
    says(&["networkcheck.kde.org"], "/", TEXT, "OK\n"),
];

/// What makers of phones with Android ask at hosts of their own.
const ANYWHERE: Probe = nothing(&[], "/generate_204");

/// The probe that a request is, by its host without the port, and its path.
pub(super) fn find(host: &str, path: &str) -> Option<&'static Probe> {
    let of_host = PROBES.iter().filter(|probe| probe.is_at(host));
    of_host
        .clone()
        .find(|probe| probe.path == path)
        .or_else(|| of_host.clone().find(|probe| probe.path.is_empty()))
        .or_else(|| (path == ANYWHERE.path).then_some(&ANYWHERE))
}

/// Whether nobody but a machine ever asks this host.
pub(super) fn is_host(host: &str) -> bool {
    const VISITED: [&str; 5] = [
        "www.apple.com",
        "www.google.com",
        "google.com",
        "fedoraproject.org",
        "www.gstatic.com",
    ];
    PROBES.iter().any(|probe| probe.is_at(host)) && !VISITED.iter().any(|other| is_same(other, host))
}

/// Whether two names of a host are one: without case, and with or without the dot at the end (Ubuntu asks with it).
fn is_same(known: &str, host: &str) -> bool {
    known.eq_ignore_ascii_case(host.strip_suffix('.').unwrap_or(host))
}

impl Probe {
    fn is_at(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| is_same(known, host))
    }

    /// What it expects once online.
    pub(super) fn online(&self) -> Answer {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::NO_CONTENT);
        if status == StatusCode::NO_CONTENT {
            answer::empty(status)
        } else {
            answer::bytes(status, self.media_type, self.body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_gets_what_it_expects() {
        for (host, path, status, body) in [
            ("captive.apple.com", "/hotspot-detect.html", 200, APPLE),
            ("captive.apple.com", "/anything", 200, APPLE),
            ("connectivitycheck.gstatic.com", "/generate_204", 204, ""),
            ("www.google.com", "/gen_204", 204, ""),
            (
                "www.msftconnecttest.com",
                "/connecttest.txt",
                200,
                "Microsoft Connect Test",
            ),
            ("detectportal.firefox.com", "/success.txt", 200, "success\n"),
            (
                "nmcheck.gnome.org",
                "/check_network_status.txt",
                200,
                "NetworkManager is online\n",
            ),
            ("NETWORKCHECK.kde.org", "/", 200, "OK\n"),
            ("connectivity-check.ubuntu.com.", "/", 204, ""),
            ("connectivity.samsung.com.cn", "/generate_204", 204, ""),
        ] {
            let probe = find(host, path).unwrap();
            assert_eq!((probe.status, probe.body), (status, body), "{host}{path}");
            assert_eq!(probe.online().status().as_u16(), status);
        }
        assert_eq!(find("www.google.com", "/search"), None);
        assert_eq!(find("example.org", "/generate_205"), None);
        // The page that Windows opens for people: the portal takes its place.
        assert_eq!(find("www.msftconnecttest.com", "/redirect"), None);
    }

    #[test]
    fn places_that_people_visit_are_no_probes() {
        assert!(is_host("captive.apple.com") && is_host("Detectportal.Firefox.com."));
        assert!(!is_host("www.apple.com.") && !is_host("www.apple.com") && !is_host("example.org"));
    }
}
