//! The client against servers on loopback: where it goes, what it follows, how much it reads, whom it trusts.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod links;

use super::*;
use crate::resolve::Lookup;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicUsize, Ordering},
};

/// A server on 127.0.0.1 that answers every connection with the same bytes and counts them.
fn serve(answer: impl Into<Vec<u8>>) -> (u16, Arc<AtomicUsize>) {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            request_head(&mut stream);
            let _ = stream.write_all(&answer);
        }
    });
    (port, count)
}

fn request_head(stream: &mut impl Read) {
    let (mut seen, mut byte) = (Vec::new(), [0; 1]);
    while !seen.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        seen.push(byte[0]);
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn egress(allow: &[&str]) -> Egress {
    egress_with(allow, &[])
}

#[derive(Debug)]
struct FixedNames(Vec<(&'static str, Vec<IpAddr>)>);

impl Names for FixedNames {
    fn lookup(&self, host: String) -> Lookup {
        let found = self.0.iter().find(|(name, _)| *name == host).map(|(_, ips)| ips.clone()).unwrap_or_default();
        Box::pin(async move { Ok(found) })
    }
}

fn egress_with(allow: &[&str], names: &[(&'static str, &[&str])]) -> Egress {
    let names = names.iter().map(|(n, ips)| (*n, ips.iter().map(|ip| ip.parse().unwrap()).collect())).collect();
    let config = EgressConfig {
        allow: AllowList::new(allow.iter().map(|a| a.parse().unwrap()).collect()),
        max_bytes: 100,
        ..EgressConfig::default()
    };
    Egress::with_names(config, Arc::new(FixedNames(names)))
}

#[test]
fn spellings_of_forbidden_addresses() {
    let egress = egress(&[]);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0177.0.0.01",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "0",
        "0.0.0.0",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fd00::1]",
        "[fe80::1]",
        "10.0.0.1",
        "192.168.0.1",
        "100.64.0.1",
    ] {
        let url = format!("https://{host}/x");
        assert!(matches!(egress.check(&url), Err(EgressError::Refused { address: Some(_), .. })), "{url}");
    }
}

#[test]
fn forms_of_urls() {
    let egress = egress(&["a.example", "10.0.0.0/8", "b.example:8443"]);
    for good in
        ["https://x.example/", "https://1.1.1.1/", "http://a.example/", "http://10.1.1.1/", "https://b.example:8443/"]
    {
        assert!(egress.check(good).is_ok(), "{good}");
    }
    for bad in [
        "http://x.example/",
        "http://1.1.1.1/",
        "ftp://a.example/",
        "file:///etc/passwd",
        "https://u:p@x.example/",
        "https://u@x.example/",
        "https://",
        "/x",
        "https://b.example/",
        "gopher://a.example",
    ] {
        assert!(egress.check(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn only_allowed_places_are_connected_to() {
    let (port, count) = serve(ok("{\"a\":1}"));
    let url = format!("http://127.0.0.1:{port}/x");
    let refused = egress(&[]).get_json(&url).await.unwrap_err();
    assert_eq!(refused.to_string(), "connections to 127.0.0.1 are refused: it is a loopback address");
    assert!(egress(&["127.0.0.1:1"]).get_json(&url).await.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 0);
    let value = egress(&["127.0.0.1"]).get_json(&url).await.unwrap();
    assert_eq!(value, serde_json::json!({"a": 1}));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn names_are_checked_where_they_are_resolved() {
    let (port, count) = serve(ok("{}"));
    let names: &[(&'static str, &[&str])] = &[
        ("evil.example", &["127.0.0.1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("mixed.example", &["169.254.169.254", "127.0.0.1"]),
    ];
    let strict = egress_with(&[], names);
    for host in ["evil.example", "mapped.example", "mixed.example"] {
        let error = strict.get_json(&format!("https://{host}:{port}/")).await.unwrap_err();
        assert!(matches!(error, EgressError::Refused { address: Some(_), .. }), "{host}: {error}");
    }
    let error = strict.get_json("https://nowhere.example/").await.unwrap_err();
    assert!(matches!(error, EgressError::Connect(_)), "{error}");
    assert_eq!(count.load(Ordering::SeqCst), 0);

    let other = egress_with(&["evil.example:1"], names);
    assert!(other.get_json(&format!("https://evil.example:{port}/")).await.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 0);
    let named = egress_with(&["evil.example"], names);
    assert!(named.get_json(&format!("http://evil.example:{port}/")).await.is_ok());
}

/// A resolver that turns: the first answer is what a check beforehand would have seen, the second is the attack.
#[derive(Debug)]
struct Turning(AtomicUsize);

impl Names for Turning {
    fn lookup(&self, _: String) -> Lookup {
        let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
        let ip = if first { IpAddr::from([192, 0, 2, 1]) } else { IpAddr::from([127, 0, 0, 1]) };
        Box::pin(async move { Ok(vec![ip]) })
    }
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let (port, count) = serve(ok("{}"));
    let egress = Egress::with_names(EgressConfig::default(), Arc::new(Turning(AtomicUsize::new(0))));
    for _ in 0..3 {
        let error = egress.get_json(&format!("https://turning.example:{port}/")).await.unwrap_err();
        assert!(matches!(error, EgressError::Refused { .. }), "{error}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (target, reached) = serve(ok("{}"));
    let (port, _) =
        serve(format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{target}/\r\nContent-Length: 0\r\n\r\n"));
    let error = egress(&["127.0.0.1"]).get_json(&format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert_eq!(error, EgressError::Redirect(302));
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn answers_are_bounded() {
    let egress = egress(&["127.0.0.1"]);
    let long = format!("\"{}\"", "x".repeat(99));
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
    for answer in [ok(&long), chunked] {
        let (port, _) = serve(answer);
        let error = egress.get_json(&format!("http://127.0.0.1:{port}/")).await.unwrap_err();
        assert_eq!(error, EgressError::TooLarge { limit: 100 });
    }
    let (port, _) = serve(ok(&format!("\"{}\"", "x".repeat(98))));
    assert!(egress.get_json(&format!("http://127.0.0.1:{port}/")).await.is_ok());
    let (port, _) = serve(ok("no json"));
    assert!(matches!(egress.get_json(&format!("http://127.0.0.1:{port}/")).await, Err(EgressError::Json(_))));
    let (port, _) = serve("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(egress.get_json(&format!("http://127.0.0.1:{port}/")).await, Err(EgressError::Status(500)));
}

/// A root, an intermediate and a leaf for `issuer.example`.
struct Pki {
    root: Vec<u8>,
    intermediate: Vec<u8>,
    leaf: Vec<u8>,
    key: Vec<u8>,
    stranger: Vec<u8>,
}

fn pki() -> Pki {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    let ca = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let root = CertifiedIssuer::self_signed(ca("root"), KeyPair::generate().unwrap()).unwrap();
    let middle = CertifiedIssuer::signed_by(ca("middle"), KeyPair::generate().unwrap(), &root).unwrap();
    let stranger = CertifiedIssuer::self_signed(ca("stranger"), KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["issuer.example".to_owned()]).unwrap().signed_by(&key, &middle).unwrap();
    Pki {
        root: root.der().to_vec(),
        intermediate: middle.der().to_vec(),
        leaf: leaf.der().to_vec(),
        key: key.serialize_der(),
        stranger: stranger.der().to_vec(),
    }
}

/// A TLS server that presents this chain and answers every connection with the same text.
fn serve_tls(chain: Vec<Vec<u8>>, key: Vec<u8>, answer: String) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = chain.into_iter().map(Into::into).collect();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key).into();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).expect("a server connection");
            let mut both = rustls::Stream::new(&mut tls, &mut stream);
            request_head(&mut both);
            let _ = both.write_all(answer.as_bytes());
            let _ = both.flush();
        }
    });
    port
}

#[tokio::test]
async fn chains_are_those_that_were_needed() {
    let pki = pki();
    let sent = vec![pki.leaf.clone(), pki.intermediate.clone(), pki.stranger.clone()];
    let port = serve_tls(sent, pki.key.clone(), ok("{}"));
    let names: &[(&'static str, Vec<IpAddr>)] = &[("issuer.example", vec![IpAddr::from([127, 0, 0, 1])])];
    let client = |certificates| {
        let allow = AllowList::new(vec!["issuer.example".parse().unwrap()]);
        let config = EgressConfig { allow, certificates, ..EgressConfig::default() };
        Egress::with_names(config, Arc::new(FixedNames(names.to_vec())))
    };
    let trusting = client(vec![pki.root.clone()]);
    let url = format!("https://issuer.example:{port}/");
    for _ in 0..2 {
        let (_, chain) = trusting.get_json_with_chain(&url).await.unwrap();
        assert_eq!(chain, [Thumbprint::of(&pki.leaf), Thumbprint::of(&pki.intermediate)]);
    }
    let strange = client(vec![pki.stranger]).get_json(&url).await.unwrap_err();
    assert!(matches!(strange, EgressError::Connect(_)), "{strange}");
}
