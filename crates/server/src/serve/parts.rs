//! From the configuration to the parts of the running process.

use crate::{
    config::{Config, Database},
    data_dir::DataDir,
    failure::Failure,
};
use metrics_exporter_prometheus::PrometheusHandle;
use pileus_egress::{AllowList, Egress, EgressConfig};
use pileus_http::{HttpConfig, Rates};
use pileus_model::clock::SystemClock;
use pileus_service::{
    Settings, background,
    environments::{Elsewhere, Reach},
    insights::scans::{
        clouds::{Aws, AwsConfig},
        engine::EngineConfig,
    },
};
use pileus_store::StoreConfig;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;
use url::{Host, Url};

/// The file of the embedded database, in the data directory.
const SQLITE_FILE: &str = "pileus.db";

/// Listens, but accepts nothing yet: clients wait in the queue until the rest is ready.
///
/// # Errors
/// One line: the address is taken or not this machine's.
pub async fn bind(config: &Config) -> Result<(TcpListener, SocketAddr), Failure> {
    let failure = |error: std::io::Error| Failure::new(format!("can't listen on {}: {error}", config.listen));
    let listener = TcpListener::bind(config.listen).await.map_err(failure)?;
    let address = listener.local_addr().map_err(failure)?;
    Ok((listener, address))
}

/// Which database, and with how many hands.
pub fn store(config: &Config, dir: &DataDir) -> StoreConfig {
    match &config.database {
        Database::Sqlite => StoreConfig::Sqlite {
            path: dir.path().join(SQLITE_FILE),
            readers: config.limits.sqlite_readers,
            max_pages: config.limits.sqlite_pages,
        },
        Database::Postgres(url) => StoreConfig::Postgres { url: url.clone(), pool: config.limits.postgres_connections },
    }
}

/// Where outgoing requests may go.
fn outgoing(config: &Config) -> EgressConfig {
    EgressConfig { allow: AllowList::new(config.egress_allow.clone()), ..EgressConfig::default() }
}

/// The guarded client for outgoing requests.
pub fn egress(config: &Config) -> Egress {
    Egress::new(outgoing(config))
}

/// The client for AWS.
///
/// # Errors
/// One line: the endpoint that was configured can't be used.
pub fn aws(config: &Config) -> Result<Arc<Aws>, Failure> {
    let wanted = AwsConfig { endpoint: config.aws_endpoint.clone(), egress: outgoing(config), ..AwsConfig::default() };
    Aws::new(wanted, Arc::new(SystemClock))
        .map(Arc::new)
        .map_err(|error| Failure::new(format!("clouds.aws.endpoint: {error}")))
}

/// How environments reach clouds.
///
/// # Errors
/// One line: an endpoint that was configured can't be used.
pub fn reach(config: &Config, aws: &Arc<Aws>) -> Result<Reach, Failure> {
    let gcp = config.gcp_endpoint.as_deref().map(|url| Elsewhere::new(url, outgoing(config))).transpose();
    let gcp = gcp.map_err(|error| Failure::new(format!("clouds.gcp.endpoint: {error}")))?;
    Ok(Reach { aws: Some(Arc::clone(aws)), gcp })
}

/// How this node runs scans. `node` is what it is called; it stays the same when it starts again.
pub fn scans(config: &Config, node: String) -> background::Scans {
    let wanted = config.scans;
    background::Scans {
        mode: config.aws_listing,
        keep: wanted.keep,
        engine: EngineConfig {
            // The database is in the data directory, which this process has locked.
            alone: matches!(config.database, Database::Sqlite),
            at_once: wanted.at_once,
            silence: wanted.silence,
            ..EngineConfig::new(node)
        },
    }
}

/// What the HTTP floor is told.
pub fn http(config: &Config, metrics: PrometheusHandle) -> HttpConfig {
    let limits = config.limits;
    HttpConfig {
        trusted_proxies: config.trusted_proxies.clone(),
        body_limit: limits.body_bytes,
        deadline: Duration::from_secs(limits.request_seconds),
        rates: Rates {
            per_token: limits.requests_per_second,
            public_per_address: limits.public_requests_per_second,
            failed_logins_per_minute: limits.failed_logins_per_minute,
            failed_logins_burst: limits.failed_logins_at_once,
        },
        max_connections: limits.connections,
        serves: config.serves,
        metrics: Some(Arc::new(move || metrics.render())),
        ..HttpConfig::default()
    }
}

/// What the verbs are told.
pub fn settings(config: &Config, dir: &DataDir, address: SocketAddr) -> Settings {
    let public_url = config.public_url.clone().unwrap_or_else(|| reachable(address));
    let host_name = host_name(&public_url).unwrap_or_else(|| address.ip().to_string());
    Settings {
        public_url,
        host_name,
        admin_token_file: Some(dir.admin_token()),
        exports_per_caller: config.limits.exports_per_caller,
        exports_per_organization: config.limits.exports_per_organization,
    }
}

/// A URL under which this machine reaches the address: one that stands for all addresses is answered on the loopback.
pub fn reachable(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// The host of a URL, addresses without brackets.
fn host_name(url: &str) -> Option<String> {
    match Url::parse(url).ok()?.host()? {
        Host::Domain(name) => Some(name.to_owned()),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

/// What is said where tokens may travel in the clear.
pub fn exposure(config: &Config, address: SocketAddr) -> Option<String> {
    let behind_tls = config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    (!address.ip().is_loopback() && !behind_tls).then(|| {
        format!(
            "listening on {address} without TLS: tokens can be read on the way; put a proxy with TLS in front, \
             and set public_url to its https:// address"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_this_machine_reaches() {
        let of = |text: &str| text.parse().map(reachable).unwrap_or_default();
        assert_eq!(of("0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(of("[::]:8080"), "http://[::1]:8080");
        assert_eq!(of("192.0.2.1:8080"), "http://192.0.2.1:8080");
        assert_eq!(host_name("http://[::1]:8080").as_deref(), Some("::1"));
        assert_eq!(host_name("https://pileus.example.com/x").as_deref(), Some("pileus.example.com"));
    }
}
