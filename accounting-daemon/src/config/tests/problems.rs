//! Each problem is found, with its line, together with all others.

use super::*;

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    let text = r#"
dta = "/d"
trust_rtc = "yes"
[[interface]]
name = "a/b"
zone = 70000
[[interface]]
zone = 1
[[zone]]
number = 9
business_id = 0
[gate]
devices = 0
resolvers = ["nine", "224.0.0.1"]
bypass = ["02:00:00:00:00:01 7", "ff:ff:ff:ff:ff:ff"]
block = [
  "02:00",
]
[[gate.garden]]
prefix = "10.0.0.1/8"
ports = [1, 2, 3, 4, 5]
[gate.strangers]
burst = -1
[api]
listen = ["0.0.0.0:8880"]
header_timeout_s = 1.5
bogus = 1
[administrator]
email = "a:b@c"
[codes]
length = 3
alphabet = "ABCO0"
"#;
    let found = problems(text);
    let lines: Vec<usize> = found
        .iter()
        .map(|line| line.split(':').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            1, 1, 2, 3, 5, 6, 7, 10, 11, 13, 14, 14, 15, 15, 17, 20, 21, 23, 25, 26, 27, 29, 31, 32
        ],
        "{found:#?}"
    );
}

/// One row a problem: what is appended to the least configuration, and what the message must name.
#[test]
fn each_problem_names_the_thing_and_the_way_out() {
    let cases = [
        (
            "[api]\nlisten = [\"192.0.2.1:80\"]",
            "5: `api.listen` has 192.0.2.1:80",
            "insecure = true",
        ),
        ("[api]\nlisten = [\"[::]:80\"]", "[::]:80", "[api.tls]"),
        (
            "[api]\nlisten = [\"localhost:80\"]",
            "\"localhost:80\"",
            "127.0.0.1:8480",
        ),
        ("[api]\nlisten = []", "has 0 values", "1 to 16"),
        (
            "[api]\nlisten = [\"[::1]:1\", \"[::1]:1\"]",
            "[::1]:1 twice",
            "remove one",
        ),
        ("[api]\nlisten = [\"127.0.0.1:8880\"]", "8880", "another port"),
        (
            "[gate]\nrefuse = \"reject\"",
            "`gate.refuse`",
            "\"reset\" or \"drop\"",
        ),
        (
            "[portal]\nlisten_port = 0",
            "`portal.listen_port` is 0",
            "1 to 65535",
        ),
        ("[gate]\ndevices = 4194305", "4194305", "1 to 4194304"),
        (
            "[gate]\nresolvers = \"9.9.9.9\"",
            "`gate.resolvers` must be a list",
            "not a text",
        ),
        (
            "[gate]\nresolvers = [9]",
            "`gate.resolvers` must be a text in quotes",
            "not a whole number",
        ),
        (
            "[gate]\nblock = [\"02:00:00:00:00:01 x\"]",
            "02:00:00:00:00:01 x",
            "zone from 0 to 65535",
        ),
        (
            "[gate]\nblock = [\"020000000001\", \"02-00-00-00-00-01 0\"]",
            "02:00:00:00:00:01 twice",
            "remove one",
        ),
        (
            "[[gate.garden]]\nports = [80]",
            "`gate.garden.prefix` is missing",
            "name a network",
        ),
        (
            "[[gate.garden]]\nprefix = \"10.1.0.0/8\"",
            "10.0.0.0/8",
            "longer prefix",
        ),
        (
            "[[gate.garden]]\nprefix = \"::1\"\nports = []",
            "has 0 values",
            "1 to 4",
        ),
        ("[[interface]]\nname = \"g\"", "\"g\" twice", "remove one"),
        (
            "[[interface]]\nname = \"sixteen-letters-\"",
            "sixteen-letters-",
            "1 to 15 characters",
        ),
        (
            "[[zone]]\nnumber = 0",
            "`zone.business_id` is missing",
            "BusinessId",
        ),
        ("[codes]\nalphabet = \"AaB\"", "AaB", "case does not count"),
        ("[administrator]\nemail = \"admin\"", "admin", "e-mail address"),
        (
            "[administrator]\npassword_file = \"\"",
            "password_file",
            "not empty",
        ),
        ("gate = 1", "`interface.gate` is not a setting", "`name`, `zone`"),
        (
            "[gate]\ndevices = 1\ndevices = 2",
            "6: not valid TOML",
            "duplicate key",
        ),
        ("[api", "4: not valid TOML", ""),
        (
            "[gate]\ndevices = 99999999999999999999999999",
            "99999999999999999999999999",
            "1 to 4194304",
        ),
    ];
    for (text, names, way_out) in cases {
        let found = problems(&format!("{LEAST}{text}\n"));
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(
            found[0].contains(names) && found[0].contains(way_out),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn syntax_and_values_are_reported_together() {
    let found = problems("data = \"/d\"\ndata = 1\n[[interface]]\nname = \"g\"\nzone = -1\n");
    assert!(
        found.first().unwrap().starts_with("2: not valid TOML"),
        "{found:?}"
    );
    assert!(
        found.last().unwrap().starts_with("5: `interface.zone` is -1"),
        "{found:?}"
    );
}

#[test]
fn an_unreadable_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.toml");
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(error.contains("none.toml: cannot be read"), "{error}");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(
        Config::load(&path)
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
    std::fs::write(&path, LEAST).unwrap();
    Config::load(&path).unwrap();
}
