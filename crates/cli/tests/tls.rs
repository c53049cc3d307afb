//! A server behind TLS, whose certificate is checked with the system's.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use common::{Folder, Upstream, post, send};
use deltawire_replay::Recording;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

#[test]
fn a_server_behind_tls_is_reached_if_its_certificate_is_known() {
    let folder = Folder::new();
    let certificates = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates");
    let known = certificates.join("known.pem");
    let unknown = certificates.join("unknown.pem");
    let certificate = CertificateDer::from_pem_file(&known).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.join("known.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let upstream = Upstream::start(move |socket| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n{}") {
            let mut buffer = [0; 1024];
            // A client that does not know the certificate leaves.
            let Ok(count @ 1..) = stream.read(&mut buffer) else { return };
            asked.extend_from_slice(&buffer[..count]);
        }
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 5\r\n\r\n";
        stream.write_all(format!("{head}hello").as_bytes()).unwrap();
    });

    for (certificates, status, body) in
        [(&known, "200", "hello"), (&unknown, "502", "cannot reach https://localhost:")]
    {
        let out = folder.0.join(status);
        let mut child = Command::new(env!("CARGO_BIN_EXE_deltawire"))
            .args(["record", "--upstream"])
            .arg(format!("https://localhost:{}", upstream.addr.port()))
            .arg("--out")
            .arg(&out)
            .env("SSL_CERT_FILE", certificates)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let addr = url.trim().trim_start_matches("http://").parse().unwrap();
        let reply = send(addr, &post("/v1/chat/completions", &[], "{}"));
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
        assert!(reply.status_line.contains(status), "{reply:?}");
        let got = String::from_utf8(reply.body).unwrap();
        assert!(got.contains(body), "{got}");
        let recording = Recording::from_file(out.join("0001-chat.jsonl")).unwrap();
        assert_eq!(recording.body(), got.as_bytes());
        assert!(recording.source.starts_with("https://localhost:"), "{}", recording.source);
    }
}
