//! What is asked, and the documented answer to each.

use std::io::{Read, Write};
use std::net::TcpStream;

use accounting_tests::hotspot::Hotspot;
use serde_json::json;

use crate::{Api, JSON, REDEMPTIONS, TOKENS};

pub(crate) fn tokens(api: &Api<'_>) {
    for body in [
        "",
        "{",
        "[]",
        "null",
        "7",
        "\"x\"",
        "{\"BusinessId\":1",
        "{\"BusinessId\":1}",
        "{\"BusinessId\":1,\"BusinessId\":1,\"MinutesIncluded\":1}",
        "{\"BusinessId\":0,\"MinutesIncluded\":1}",
        "{\"BusinessId\":9223372036854775808,\"MinutesIncluded\":1}",
        "{\"BusinessId\":1,\"MinutesIncluded\":-1}",
        "{\"BusinessId\":1,\"MinutesIncluded\":2147483648}",
        "{\"BusinessId\":1,\"MinutesIncluded\":1.5}",
        "{\"BusinessId\":1,\"MinutesIncluded\":1e99}",
        "{\"BusinessId\":1,\"MinutesIncluded\":null}",
        "{\"BusinessId\":1,\"MinutesIncluded\":[[[[1]]]]}",
        "{\"BusinessId\":1,\"MinutesIncluded\":1,\"UserLimit\":0}",
        "{\"BusinessId\":1,\"MinutesIncluded\":1,\"ValidTo\":\"yesterday\"}",
        "{\"BusinessId\":1,\"MinutesIncluded\":1,\"ValidFrom\":\"2030-01-01T00:00:00Z\",\"ValidTo\":\"2029-01-01T00:00:00Z\"}",
        "{\"BusinessId\":1,\"MinutesIncluded\":1,\"MacAddress\":\"FF:FF:FF:FF:FF:FF\"}",
        "{\"BusinessId\":1,\"MinutesIncluded\":1,\"AccessCode\":\"\\u0000\"}",
        "{\"BusinessId\":1,\"MinutesIncluded\":1,\"AccessCode\":\"\\ud800\"}",
    ] {
        let answer = api.send("POST", TOKENS, JSON, body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        let value = answer.json().unwrap();
        assert_eq!(
            (&value["Status"], &value["WasSuccessful"]),
            (&json!(500), &json!(false)),
            "{body}: {value}"
        );
    }
    let deep = format!(
        "{{\"BusinessId\":1,\"MinutesIncluded\":1,\"CustomFields\":{}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(api.send("POST", TOKENS, JSON, deep).status, 400);
    assert_eq!(
        api.send(
            "POST",
            TOKENS,
            JSON,
            b"{\"BusinessId\":1,\"MinutesIncluded\":1,\"Description\":\"\xff\"}".to_vec()
        )
        .status,
        400
    );
    // All problems at once.
    let answer = api
        .send(
            "POST",
            TOKENS,
            JSON,
            "{\"MinutesIncluded\":-1,\"UserLimit\":\"x\"}",
        )
        .json()
        .unwrap();
    assert_eq!(answer["Errors"].as_array().unwrap().len(), 3, "{answer}");
    // A code is taken once, however it is written.
    let body = |code: &str| json!({"BusinessId": 1, "MinutesIncluded": 1, "AccessCode": code}).to_string();
    assert_eq!(api.send("POST", TOKENS, JSON, body("secret-code")).status, 200);
    let again = api.send("POST", TOKENS, JSON, body("SECRET C0DE"));
    assert_eq!(
        (again.status, &again.json().unwrap()["Errors"][0]["PropertyName"]),
        (400, &json!("AccessCode"))
    );
    for id in ["0", "-1", "999999", "9223372036854775808", "x", "1%00", "..%2f1"] {
        let answer = api.send("GET", &format!("{TOKENS}/{id}"), JSON, "");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (404, "\"Not found\""),
            "{id}"
        );
    }
}

pub(crate) fn redemptions(api: &Api<'_>, hotspot: &Hotspot) {
    let body = |mac: &str| json!({"AccessCode": "secret-code", "MacAddress": mac}).to_string();
    let mut bodies = vec![
        String::new(),
        "{".into(),
        "[1]".into(),
        "{}".into(),
        "{\"AccessCode\":\"a\",\"AccessCode\":\"a\",\"MacAddress\":\"02:00:00:00:00:5e\"}".into(),
        json!({"AccessCode": "", "MacAddress": "02:00:00:00:00:5e"}).to_string(),
        json!({"AccessCode": 7, "MacAddress": "02:00:00:00:00:5e"}).to_string(),
        json!({"AccessCode": "secret-code", "MacAddress": "02:00:00:00:00:5e", "Zone": 7}).to_string(),
        json!({"AccessCode": "secret-code", "MacAddress": "02:00:00:00:00:5e", "Zone": "0"}).to_string(),
        json!({"AccessCode": "secret-code", "MacAddress": "02:00:00:00:00:5e", "Takeover": "yes"})
            .to_string(),
    ];
    // Malformed, to many, to nobody, and the gateway's own.
    bodies.extend(
        [
            "",
            "02:00:00:00:00",
            "02:00:00:00:00:00:00",
            "0g:00:00:00:00:01",
            "02:00-00:00:00:01",
            "01:00:5e:00:00:01",
            "33:33:00:00:00:01",
            "ff:ff:ff:ff:ff:ff",
            "00:00:00:00:00:00",
            "02:ac:c0:ff:00:01",
        ]
        .map(body),
    );
    for body in bodies {
        let answer = api.send("POST", REDEMPTIONS, JSON, body.clone());
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(
            answer.json().unwrap()["type"],
            "urn:accounting:malformed-request",
            "{body}"
        );
    }
    // Guessing has a budget for each device; a device of its own, for the budget is spent afterwards.
    let guess = |number: u32| {
        let body = json!({"AccessCode": format!("guess{number}"), "MacAddress": "02:00:00:00:00:5f"});
        api.send("POST", REDEMPTIONS, JSON, body.to_string())
    };
    let statuses: Vec<u16> = (0..11).map(|number| guess(number).status).collect();
    assert_eq!(statuses[..10], [404; 10]);
    println!("the eleventh guess within a minute is answered {}", statuses[10]);
    assert_eq!(statuses[10], 429, "guesses have no end");
    assert_eq!(hotspot.metric("accounting_sessions_open").unwrap(), 0.0);
    for mac in ["", "x", "ff:ff:ff:ff:ff:ff", "02:00:00:00:00"] {
        for (method, path) in [("GET", "/v1/devices/"), ("DELETE", "/v1/sessions/")] {
            let status = api.send(method, &format!("{path}{mac}"), JSON, "").status;
            assert!(
                status == 400 || (mac.is_empty() && status == 404),
                "{path}{mac}: {status}"
            );
        }
    }
    // A zone may have lost its interface, and nobody is online there; what is no zone is an error.
    for (zone, wanted) in [("9", 200), ("x", 400), ("65536", 400), ("-1", 400)] {
        let path = format!("/v1/devices/02:00:00:00:00:01?Zone={zone}");
        assert_eq!(api.send("GET", &path, JSON, "").status, wanted, "{zone}");
    }
}

pub(crate) fn paths_and_types(api: &Api<'_>) {
    for (method, path, allow) in [
        ("PATCH", TOKENS, "GET, HEAD, POST, PUT"),
        ("PUT", REDEMPTIONS, "POST"),
        ("POST", "/v1/sessions/020000000001", "DELETE"),
        ("DELETE", "/v1/devices/020000000001", "GET, HEAD"),
        ("POST", "/metrics", "GET, HEAD"),
        ("BREW", "/healthz", "GET, HEAD"),
    ] {
        let answer = api.send(method, path, JSON, "");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some(allow)),
            "{method} {path}"
        );
    }
    for path in [
        "/",
        "/api",
        "/v1",
        "/api/spaces/accesstokens/",
        "/v1/redemptions/7",
        "/../etc/passwd",
        "/V1/redemptions",
    ] {
        assert_eq!(api.send("GET", path, JSON, "").status, 404, "{path}");
    }
    for media_type in [
        "text/plain",
        "application/xml",
        "application/json; charset=latin1",
        "multipart/form-data",
    ] {
        assert_eq!(
            api.send("POST", TOKENS, media_type, "{}").status,
            415,
            "{media_type}"
        );
    }
    assert_eq!(
        api.send(
            "POST",
            REDEMPTIONS,
            "application/x-www-form-urlencoded",
            "AccessCode=a"
        )
        .status,
        415
    );
    let huge = format!("{{\"Description\":\"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(api.send("POST", TOKENS, JSON, huge).status, 413);
    // One that only says how large it is.
    let mut stream = api.dial();
    let credentials = "Authorization: Basic none\r\n";
    write!(
        stream,
        "POST {TOKENS} HTTP/1.1\r\nHost: x\r\n{credentials}Content-Length: 99999999999\r\n\r\n"
    )
    .unwrap();
    assert!(first_line(&mut stream).contains(" 401 "));
    let mut stream = api.dial();
    let _closed = write!(
        stream,
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "y".repeat(70_000)
    );
    assert!(first_line(&mut stream).contains(" 431 "));
    for nonsense in [
        "\r\n\r\n\r\n\0\0\0\0",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "POST /v1/redemptions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/redemptions HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let mut stream = api.dial();
        stream.write_all(nonsense.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let line = first_line(&mut stream);
        assert!(line.is_empty() || line.contains(" 4"), "{nonsense:?}: {line}");
    }
    api.is_healthy();
}

pub(crate) fn first_line(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while !answer.contains(&b'\n') {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(length) => answer.extend(&part[..length]),
        }
    }
    String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
