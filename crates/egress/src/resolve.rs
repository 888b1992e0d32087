//! Names to addresses, with the check in between: the connection gets no address that was not looked at here.

use crate::{EgressError, address::refusal, allow::AllowList};
use hyper_util::client::legacy::connect::dns::Name;
use std::{
    fmt,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// The addresses of a name, in time.
pub(crate) type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Whoever knows the addresses of names.
pub(crate) trait Names: Send + Sync + fmt::Debug {
    /// The addresses of a name.
    fn lookup(&self, host: String) -> Lookup;
}

/// The operating system's resolver.
#[derive(Debug)]
pub(crate) struct SystemNames;

impl Names for SystemNames {
    fn lookup(&self, host: String) -> Lookup {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|a| a.ip()).collect()) })
    }
}

/// The resolver that the client connects by.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) allow: Arc<AllowList>,
    pub(crate) names: Arc<dyn Names>,
}

impl Guard {
    /// Keeps the addresses that may be connected to; an error if none is left.
    fn filter(allow: &AllowList, host: &str, found: Vec<IpAddr>) -> Result<Vec<SocketAddr>, EgressError> {
        let mut refused = None;
        let mut good = Vec::new();
        for ip in found {
            match refusal(ip) {
                Some(why) if !allow.named(host) && !allow.network(ip) => {
                    refused.get_or_insert((ip, why));
                }
                _ => good.push(SocketAddr::new(ip, 0)),
            }
        }
        match (good.is_empty(), refused) {
            (false, _) => Ok(good),
            (true, Some((ip, why))) => {
                Err(EgressError::Refused { host: host.to_owned(), address: Some(ip), why: why.to_owned() })
            }
            (true, None) => Err(EgressError::Connect(format!("{host} has no address"))),
        }
    }
}

impl Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = EgressError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, EgressError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (host, allow) = (name.as_str().to_owned(), Arc::clone(&self.allow));
        let lookup = self.names.lookup(host.clone());
        Box::pin(async move {
            let found = lookup.await.map_err(|e| EgressError::Connect(format!("{host} cannot be resolved: {e}")))?;
            Ok(Self::filter(&allow, &host, found)?.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn refused_addresses_of_a_name_are_left_out() {
        let allow = AllowList::new(vec!["10.0.0.0/8".parse().unwrap(), "named.example".parse().unwrap()]);
        let found = || ["169.254.169.254", "10.0.0.1", "8.8.8.8", "::1"].map(|ip| ip.parse().unwrap()).to_vec();
        let left = Guard::filter(&allow, "x.example", found()).unwrap();
        assert_eq!(left, ["10.0.0.1:0", "8.8.8.8:0"].map(|a| a.parse().unwrap()));
        assert_eq!(Guard::filter(&allow, "named.example", found()).unwrap().len(), 4);
    }
}
