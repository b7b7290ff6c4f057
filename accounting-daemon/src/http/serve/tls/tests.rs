//! Handshakes with certificates made on the spot.

use std::{net::Ipv4Addr, sync::Arc};

use rcgen::{CertifiedKey as Made, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector, client,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};

use super::*;
use crate::http::serve::{
    listen,
    tests::{CLOSE, Server, address, limits, rest, start_on},
};

/// A folder with a certificate and its key.
struct Files {
    _folder: TempDir,
    config: TlsConfig,
}

impl Files {
    fn new() -> (Self, CertificateDer<'static>) {
        let folder = tempfile::tempdir().unwrap();
        let config = TlsConfig {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
        };
        let files = Self {
            _folder: folder,
            config,
        };
        let certificate = files.make();
        (files, certificate)
    }

    fn make(&self) -> CertificateDer<'static> {
        let Made { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&self.config.certificate, cert.pem()).unwrap();
        fs::write(&self.config.key, signing_key.serialize_pem()).unwrap();
        cert.der().clone()
    }

    async fn serve(&self) -> (Server, Tls) {
        let tls = Tls::load(&self.config).unwrap();
        let listeners = listen(&[(Ipv4Addr::LOCALHOST, 0).into()], Some(&tls))
            .await
            .unwrap();
        let address = address(&listeners[0]);
        (start_on(listeners, address), tls)
    }
}

async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
) -> io::Result<client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test]
async fn requests_pass_through_tls_and_only_http_1_is_offered() {
    let (files, certificate) = Files::new();
    let (server, _) = files.serve().await;
    let mut stream = connect(&server, &certificate).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    stream.write_all(CLOSE).await.unwrap();
    assert!(rest(&mut stream).await.contains("200 OK"));

    // Plain text is not answered in plain text.
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(CLOSE).await.unwrap();
    assert!(!rest(&mut plain).await.contains("HTTP"));
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_the_old_ones_go_on() {
    let (files, first) = Files::new();
    let (server, tls) = files.serve().await;
    let mut old = connect(&server, &first).await.unwrap();
    let second = files.make();
    assert!(
        connect(&server, &second).await.is_err(),
        "it has not been read yet"
    );
    assert!(tls.current.look().unwrap());
    assert!(!tls.current.look().unwrap(), "nothing has changed since");
    assert!(connect(&server, &first).await.is_err());
    let mut new = connect(&server, &second).await.unwrap();
    for stream in [&mut old, &mut new] {
        stream.write_all(CLOSE).await.unwrap();
        assert!(rest(stream).await.contains("200 OK"));
    }
}

#[tokio::test]
async fn a_broken_file_keeps_the_certificate_before_it_and_is_named_once() {
    let (files, first) = Files::new();
    let (server, tls) = files.serve().await;
    let key = fs::read(&files.config.key).unwrap();
    let broken: [(&Path, &[u8]); 4] = [
        (&files.config.certificate, b"half a cert"),
        (
            &files.config.certificate,
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ),
        (&files.config.key, b"no key"),
        (&files.config.key, b""),
    ];
    for (path, bytes) in broken {
        let kept = fs::read(path).unwrap();
        fs::write(path, bytes).unwrap();
        let error = tls.current.look().unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(!tls.current.look().unwrap(), "it is named once");
        assert!(connect(&server, &first).await.is_ok());
        fs::write(path, kept).unwrap();
        assert!(tls.current.look().unwrap());
    }
    // A certificate that was renewed before its key was.
    let second = files.make();
    let new_key = fs::read(&files.config.key).unwrap();
    fs::write(&files.config.key, key).unwrap();
    let error = tls.current.look().unwrap_err();
    assert!(matches!(error, TlsError::Refused { .. }), "{error}");
    assert!(connect(&server, &first).await.is_ok());
    fs::remove_file(&files.config.key).unwrap();
    assert!(matches!(tls.current.look(), Err(TlsError::Unreadable { .. })));
    assert!(!tls.current.look().unwrap());
    fs::write(&files.config.key, new_key).unwrap();
    assert!(tls.current.look().unwrap());
    assert!(connect(&server, &second).await.is_ok());
}

#[tokio::test]
async fn handshakes_that_stall_are_cut_and_give_their_places_back() {
    let (files, certificate) = Files::new();
    let (server, _) = files.serve().await;
    let mut stalled = Vec::new();
    for nth in 0..limits().connections_max * 2 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The first bytes of a handshake, or none.
        let begun: &[u8] = if nth % 2 == 0 {
            b"\x16\x03\x01\x02\x00\x01"
        } else {
            b""
        };
        stream.write_all(begun).await.unwrap();
        stalled.push(stream);
    }
    let mut stream = connect(&server, &certificate).await.unwrap();
    stream.write_all(CLOSE).await.unwrap();
    assert!(rest(&mut stream).await.contains("200 OK"));
    for mut stream in stalled {
        let mut byte = [0];
        let ended = tokio::time::timeout(Duration::from_secs(8), stream.read(&mut byte)).await;
        assert!(matches!(ended, Ok(Ok(0) | Err(_))), "it is open still");
    }
}
