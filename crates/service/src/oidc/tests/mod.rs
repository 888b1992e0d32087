//! The room's tests, and what they share: keys, tokens, an issuer on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

mod attacks;
mod exchanges;
mod registration;
mod rules;

use super::{ExchangeRequest, Issuer, NewDefinition, NewIssuer};
use crate::{Cx, testing::House};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, KeyPair as _, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use pileus_egress::{AllowList, Egress, EgressConfig};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

pub(super) fn b64(bytes: impl AsRef<[u8]>) -> String {
    B64.encode(bytes)
}

/// An issuer's private key.
pub(super) enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl Signer {
    pub(super) fn rsa(size: KeySize) -> Self {
        Self::Rsa(RsaKeyPair::generate(size).unwrap())
    }
    pub(super) fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }
    pub(super) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
        }
    }
    /// The public key as a JWK.
    pub(super) fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public = key.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                let (n, e) = (b64(n.big_endian_without_leading_zero()), b64(e.big_endian_without_leading_zero()));
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": n, "e": e})
            }
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (b64(&point[1..33]), b64(&point[33..]));
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y})
            }
        }
    }
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
        }
    }
    /// A token with these claims.
    pub(super) fn token(&self, id: &str, claims: &Value) -> String {
        self.token_with(&json!({"alg": self.algorithm(), "kid": id, "typ": "JWT"}), claims)
    }
    /// A token with this header and these claims.
    pub(super) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = b64(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

pub(super) const URL: &str = "https://ci.example";
pub(super) const AUDIENCE: &str = "urn:pulumi:org:acme";

/// A house with the issuer [`URL`], whose key `k1` was given at registration.
pub(super) struct Setting {
    pub house: House,
    pub key: Signer,
    pub issuer: Issuer,
}

impl Setting {
    pub(super) async fn new(key: Signer) -> Self {
        let house = House::new().await;
        let set = json!({"keys": [key.jwk("k1")]});
        let issuer = super::register(&house.root_cx().await, new_issuer(URL, Some(set))).await.unwrap();
        Self { house, key, issuer }
    }
    /// With a policy that gives `repo:acme/app:*` organisation tokens.
    pub(super) async fn with_policy(key: Signer) -> Self {
        let setting = Self::new(key).await;
        setting.allow(vec![organization("repo:acme/app:*")]).await;
        setting
    }
    pub(super) async fn allow(&self, policies: Vec<NewDefinition>) {
        let cx = self.house.root_cx().await;
        let policy = super::policy(&cx, &self.issuer.id.to_string()).await.unwrap();
        super::update_policy(&cx, &policy.id.to_string(), policies).await.unwrap();
    }
    pub(super) fn now(&self) -> i64 {
        self.house.app.clock.now().as_seconds()
    }
    /// The claims of a good token.
    pub(super) fn claims(&self) -> Value {
        let now = self.now();
        json!({"iss": URL, "sub": "repo:acme/app:ref:refs/heads/main", "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 300})
    }
    /// The claims of a good token with some changed; `null` removes one.
    pub(super) fn claims_with(&self, change: Value) -> Value {
        let mut claims = self.claims();
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }
    pub(super) fn token(&self, change: Value) -> String {
        self.key.token("k1", &self.claims_with(change))
    }
    pub(super) async fn said(&self, event: &str) -> Vec<String> {
        self.house.said("acme", event).await
    }
}

pub(super) fn new_issuer(url: &str, jwks: Option<Value>) -> NewIssuer {
    NewIssuer { name: "CI of Acme!".into(), url: url.into(), jwks, thumbprints: None, max_expiration: None }
}

/// A policy that gives organisation tokens to subjects of this pattern.
pub(super) fn organization(subject: &str) -> NewDefinition {
    NewDefinition {
        decision: "allow".into(),
        token_type: "organization".into(),
        rules: [("aud".to_owned(), json!(AUDIENCE)), ("sub".to_owned(), json!(subject))].into(),
        ..NewDefinition::default()
    }
}

/// A request without credentials.
pub(super) fn stranger(house: &House) -> Cx {
    Cx { app: Arc::clone(&house.app), request: Default::default(), caller: None, org: None }
}

/// The request for an organisation's token.
pub(super) fn request(token: String) -> ExchangeRequest {
    ExchangeRequest {
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange".into(),
        audience: Some(AUDIENCE.into()),
        requested_token_type: Some("urn:pulumi:token-type:access_token:organization".into()),
        scope: Some(String::new()),
        subject_token_type: Some("urn:ietf:params:oauth:token-type:id_token".into()),
        subject_token: Some(token),
        expiration: None,
    }
}

/// An issuer on loopback: answers paths with bodies that the test may exchange, and counts requests.
pub(super) struct Server {
    pub url: String,
    pub answers: Arc<Mutex<Vec<(String, Value)>>>,
    pub asked: Arc<AtomicUsize>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, answers: Arc::default(), asked: Arc::default() };
        let (answers, asked) = (Arc::clone(&server.answers), Arc::clone(&server.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, mut head, mut byte) = (stream.unwrap(), Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                    head.push(byte[0]);
                }
                asked.fetch_add(1, Ordering::SeqCst);
                let head = String::from_utf8(head).unwrap();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let body = answers.lock().unwrap().iter().find(|(p, _)| *p == path).map(|(_, body)| body.to_string());
                let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
                let body = body.unwrap_or_default();
                let length = body.len();
                let _ =
                    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            }
        });
        server
    }
    /// Answers this path with this body.
    pub(super) fn answer(&self, path: &str, body: Value) {
        let mut answers = self.answers.lock().unwrap();
        answers.retain(|(p, _)| p != path);
        answers.push((path.to_owned(), body));
    }
    /// Publishes these keys as an issuer does.
    pub(super) fn publish(&self, keys: &[Value]) {
        let document = json!({"issuer": self.url, "jwks_uri": format!("{}/keys", self.url)});
        self.answer("/.well-known/openid-configuration", document);
        self.answer("/keys", json!({ "keys": keys }));
    }
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A house that may connect to loopback.
pub(super) async fn reaching() -> House {
    let mut house = House::new().await;
    let allow = AllowList::new(vec!["127.0.0.1".parse().unwrap()]);
    Arc::get_mut(&mut house.app).unwrap().egress = Egress::new(EgressConfig { allow, ..EgressConfig::default() });
    house
}
