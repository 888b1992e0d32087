//! What the operator allows on purpose (`[egress] allow = […]`): networks, and hosts by name or address.

use ipnet::IpNet;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allow {
    /// Every address of a network, on any port: `10.1.0.0/16`, `127.0.0.1`.
    Network(IpNet),
    /// One address on one port: `127.0.0.1:8443`, `[::1]:8443`.
    Socket(SocketAddr),
    /// A name (`issuer.corp.example`, `*.corp.example`), whatever it resolves to; with a port only on that one.
    Host {
        /// Lower case, without a leading `*.` and without a trailing dot.
        name: String,
        /// Names below it, not itself.
        below: bool,
        /// The only port, if one is given.
        port: Option<u16>,
    },
}

/// An entry that is neither a network nor a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowParseError(String);

impl fmt::Display for AllowParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is neither a network (10.1.0.0/16), an address (127.0.0.1, 127.0.0.1:8443, [::1]:8443) nor a host \
             (issuer.example, issuer.example:8443, *.example)",
            self.0
        )
    }
}
impl std::error::Error for AllowParseError {}

impl FromStr for Allow {
    type Err = AllowParseError;

    fn from_str(text: &str) -> Result<Self, AllowParseError> {
        if let Ok(net) = text.parse::<IpNet>() {
            return Ok(Self::Network(net.trunc()));
        }
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Ok(Self::Network(IpNet::from(ip.to_canonical())));
        }
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Ok(Self::Socket(SocketAddr::new(socket.ip().to_canonical(), socket.port())));
        }
        let wrong = || AllowParseError(text.to_owned());
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let (name, below) = name.strip_prefix("*.").map_or((name, false), |rest| (rest, true));
        let name = plain(name);
        let label = |l: &str| !l.is_empty() && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let numeric_end = name.rsplit('.').next().is_some_and(|l| l.chars().all(|c| c.is_ascii_digit()));
        if numeric_end || !name.split('.').all(label) {
            return Err(wrong());
        }
        Ok(Self::Host { name, below, port })
    }
}

/// A host name as it is compared: lower case, without the root's dot.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// What the list says of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameVerdict {
    /// Named: any address, any scheme.
    Named,
    /// Named, but on other ports only.
    OtherPort,
    /// Not named: public addresses and allowed networks only.
    Unnamed,
}

/// The whole list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowList(Vec<Allow>);

impl AllowList {
    /// A list of these entries.
    pub const fn new(entries: Vec<Allow>) -> Self {
        Self(entries)
    }
    /// The same list with one more entry.
    #[must_use]
    pub fn with(mut self, entry: Allow) -> Self {
        self.0.push(entry);
        self
    }
    /// Whether this address may be connected to on any port.
    pub(crate) fn network(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|a| matches!(a, Allow::Network(net) if net.contains(&ip)))
    }
    /// Whether this address may be connected to on this port.
    pub(crate) fn socket(&self, ip: IpAddr, port: u16) -> bool {
        let socket = SocketAddr::new(ip.to_canonical(), port);
        self.network(ip) || self.0.contains(&Allow::Socket(socket))
    }
    /// What the list says of a name on a port.
    pub(crate) fn name(&self, host: &str, on: u16) -> NameVerdict {
        let mut verdict = NameVerdict::Unnamed;
        for port in self.ports(host) {
            if port.is_none_or(|p| p == on) {
                return NameVerdict::Named;
            }
            verdict = NameVerdict::OtherPort;
        }
        verdict
    }
    /// Whether the name is listed on any port.
    pub(crate) fn named(&self, host: &str) -> bool {
        self.ports(host).next().is_some()
    }
    /// The ports of the entries that name this host.
    fn ports(&self, host: &str) -> impl Iterator<Item = Option<u16>> {
        let host = plain(host);
        self.0.iter().filter_map(move |entry| match entry {
            Allow::Host { name, below: false, port } if *name == host => Some(*port),
            Allow::Host { name, below: true, port } => {
                let sub = host.strip_suffix(name.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'));
                sub.then_some(*port)
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn list(entries: &[&str]) -> AllowList {
        AllowList::new(entries.iter().map(|e| e.parse().unwrap()).collect())
    }

    #[test]
    fn entries() {
        assert!(matches!("10.1.2.3/16".parse(), Ok(Allow::Network(_))));
        assert!(matches!("127.0.0.1".parse(), Ok(Allow::Network(_))));
        assert!(matches!("[::1]".parse(), Ok(Allow::Network(_))));
        assert!(matches!("[::1]:80".parse(), Ok(Allow::Socket(_))));
        assert!(matches!("Issuer.Example.:8443".parse(), Ok(Allow::Host { port: Some(8443), .. })));
        for bad in ["", "*", "*.", "a..b", "10.0.0.0/33", "10.0.0", "http://x", "x:99999", "a b", "1.2.3.4.5"] {
            assert!(bad.parse::<Allow>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_and_ports() {
        let list = list(&["a.example:8443", "*.corp.example"]);
        assert_eq!(list.name("A.example.", 8443), NameVerdict::Named);
        assert_eq!(list.name("a.example", 443), NameVerdict::OtherPort);
        assert_eq!(list.name("b.example", 443), NameVerdict::Unnamed);
        assert_eq!(list.name("x.corp.example", 1), NameVerdict::Named);
        assert_eq!(list.name("corp.example", 1), NameVerdict::Unnamed);
        assert_eq!(list.name("evilcorp.example", 1), NameVerdict::Unnamed);
        assert_eq!(list.name(".corp.example", 1), NameVerdict::Unnamed);
    }

    #[test]
    fn addresses() {
        let list = list(&["127.0.0.1:9000", "10.0.0.0/8"]);
        assert!(list.socket("127.0.0.1".parse().unwrap(), 9000));
        assert!(!list.socket("127.0.0.1".parse().unwrap(), 9001));
        assert!(list.socket("::ffff:10.1.1.1".parse().unwrap(), 1));
        assert!(!list.network("127.0.0.1".parse().unwrap()));
    }
}
