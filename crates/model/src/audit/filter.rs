//! How events are asked for. All parts combine; an empty list does not restrict.

use super::{EventType, ExportRow};
use crate::{Error, Result, ids::TokenId, time::Timestamp};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// A half-open range of time: `from ≤ t < before`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// Inclusive lower bound.
    pub from: Option<Timestamp>,
    /// Exclusive upper bound.
    pub before: Option<Timestamp>,
}

/// A range of addresses, IPv4 as IPv4-mapped IPv6: what the store compares 16 bytes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    /// The first address.
    pub first: [u8; 16],
    /// The last address.
    pub last: [u8; 16],
}

impl IpRange {
    /// An address or a network in CIDR notation (RFC 4632 §3.1).
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            let bytes = ip_bytes(ip);
            return Ok(Self { first: bytes, last: bytes });
        }
        let net: IpNet = text
            .parse()
            .map_err(|_| Error::invalid(format!("ip {text:?} is neither an address nor a network in CIDR notation")))?;
        Ok(Self { first: ip_bytes(net.network()), last: ip_bytes(net.broadcast()) })
    }
    /// Whether it is one single address.
    pub fn is_single(&self) -> bool {
        self.first == self.last
    }
    /// Whether the address lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let bytes = ip_bytes(ip);
        self.first <= bytes && bytes <= self.last
    }
}

/// An address as 16 bytes: IPv4 as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2), as the store holds it.
pub fn ip_bytes(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The address with these 16 bytes; IPv4-mapped ones become IPv4 again.
pub fn ip_from_bytes(bytes: [u8; 16]) -> IpAddr {
    let v6 = Ipv6Addr::from(bytes);
    v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
}

/// Which events are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// When.
    pub range: TimeRange,
    /// Logins (or the organisation's name, for what its tokens did); lower case.
    pub users: Vec<String>,
    /// Types.
    pub events: Vec<EventType>,
    /// Target identifiers, exactly.
    pub targets: Vec<String>,
    /// Tokens.
    pub tokens: Vec<TokenId>,
    /// Addresses.
    pub ips: Vec<IpRange>,
}

impl EventFilter {
    /// Whether the event is wanted, all parts considered.
    pub fn matches(&self, row: &ExportRow<'_>) -> bool {
        self.range.from.is_none_or(|from| row.at >= from)
            && self.range.before.is_none_or(|before| row.at < before)
            && (self.users.is_empty() || self.users.iter().any(|u| row.actor_login.eq_ignore_ascii_case(u)))
            && (self.events.is_empty() || self.events.contains(&row.event))
            && (self.targets.is_empty() || self.targets.iter().any(|t| t == row.target))
            && (self.tokens.is_empty()
                || row.token_id.is_some_and(|id| self.tokens.iter().any(|t| *t.as_bytes() == id)))
            && (self.ips.is_empty() || row.ip.is_some_and(|ip| self.ips.iter().any(|r| r.contains(ip))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_addresses() -> Result<()> {
        let net = IpRange::parse("10.1.0.0/16")?;
        assert!(net.contains("10.1.255.255".parse().map_err(|_| Error::internal("ip"))?));
        assert!(!net.contains(IpAddr::from([10, 2, 0, 0])));
        assert!(IpRange::parse("::ffff:10.1.2.3")?.contains(IpAddr::from([10, 1, 2, 3])));
        assert!(IpRange::parse("2001:db8::/32")?.contains(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])));
        assert!(IpRange::parse("10.1.0.0/33").is_err());
        assert!(IpRange::parse("house").is_err());
        Ok(())
    }

    #[test]
    fn addresses_survive_the_store() {
        for ip in [IpAddr::from([10, 0, 0, 1]), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])] {
            assert_eq!(ip_from_bytes(ip_bytes(ip)), ip);
        }
    }
}
