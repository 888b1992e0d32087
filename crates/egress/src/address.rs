//! Which addresses are nobody's business from here: pure rules on numbers.
//!
//! The ranges are those of the IANA special-purpose address registries (RFC 6890 and its successors). For IPv6 the rule is
//! turned round: only global unicast (`2000::/3`) passes, and an address that carries an IPv4 address passes only if the
//! carried one does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why this address is refused unless the configuration allows it; `None` for ordinary public addresses.
pub fn refusal(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(v4) => refusal_v4(v4),
        IpAddr::V6(v6) => refusal_v6(v6),
    }
}

/// A network, its prefix length, and what it is.
type Range4 = ([u8; 4], u8, &'static str);

const RANGES_V4: &[Range4] = &[
    ([0, 0, 0, 0], 8, "an unspecified or \"this network\" address"),
    ([10, 0, 0, 0], 8, "a private address"),
    ([100, 64, 0, 0], 10, "a carrier-grade NAT address"),
    ([127, 0, 0, 0], 8, "a loopback address"),
    ([168, 63, 129, 16], 32, "a cloud platform's metadata address"),
    ([169, 254, 0, 0], 16, "a link-local address (cloud metadata services live there)"),
    ([172, 16, 0, 0], 12, "a private address"),
    ([192, 0, 0, 0], 24, "an address reserved for protocols"),
    ([192, 0, 2, 0], 24, "a documentation address"),
    ([192, 88, 99, 0], 24, "a 6to4 relay address"),
    ([192, 168, 0, 0], 16, "a private address"),
    ([198, 18, 0, 0], 15, "a benchmarking address"),
    ([198, 51, 100, 0], 24, "a documentation address"),
    ([203, 0, 113, 0], 24, "a documentation address"),
    ([224, 0, 0, 0], 4, "a multicast address"),
    ([255, 255, 255, 255], 32, "the broadcast address"),
    ([240, 0, 0, 0], 4, "a reserved address"),
];

fn refusal_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let bits = ip.to_bits();
    RANGES_V4.iter().find_map(|(network, prefix, what)| {
        let shift = 32 - u32::from(*prefix);
        (bits >> shift == u32::from_be_bytes(*network) >> shift).then_some(*what)
    })
}

/// A network (its first 128 bits), its prefix length, and what it is.
type Range6 = (u128, u8, &'static str);

const fn v6(groups: [u16; 8]) -> u128 {
    let [a, b, c, d, e, f, g, h] = groups;
    Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits()
}

const RANGES_V6: &[Range6] = &[
    (0, 128, "the unspecified address"),
    (1, 128, "a loopback address"),
    (v6([0x0064, 0xff9b, 1, 0, 0, 0, 0, 0]), 48, "a local NAT64 address"),
    (v6([0x0100, 0, 0, 0, 0, 0, 0, 0]), 64, "a discard address"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0]), 32, "a Teredo address"),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0]), 48, "a benchmarking address"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0]), 23, "an address reserved for protocols"),
    (v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0]), 32, "a documentation address"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0]), 20, "a documentation address"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0]), 7, "a unique local (private) address"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0]), 10, "a link-local address"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0]), 10, "a site-local (private) address"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0]), 8, "a multicast address"),
];

fn refusal_v6(ip: Ipv6Addr) -> Option<&'static str> {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return refusal_v4(v4);
    }
    let bits = ip.to_bits();
    let named = RANGES_V6.iter().find_map(|(network, prefix, what)| {
        let shift = 128 - u32::from(*prefix);
        (bits >> shift == *network >> shift).then_some(*what)
    });
    if named.is_some() {
        return named;
    }
    if let Some(v4) = carried_v4(&ip)
        && let Some(why) = refusal_v4(v4)
    {
        return Some(why);
    }
    let nat64 = is_nat64(&ip);
    let global = bits >> 125 == 0b001;
    (!nat64 && !global).then_some("not a global unicast address")
}

/// The well-known NAT64 prefix `64:ff9b::/96` (RFC 6052 §2.1).
fn is_nat64(ip: &Ipv6Addr) -> bool {
    ip.to_bits() >> 32 == v6([0x0064, 0xff9b, 0, 0, 0, 0, 0, 0]) >> 32
}

/// The IPv4 address that packets to this IPv6 address end at: NAT64, 6to4 (RFC 3056 §2), ISATAP (RFC 5214 §6.1).
fn carried_v4(ip: &Ipv6Addr) -> Option<Ipv4Addr> {
    let o = ip.octets();
    let low = Ipv4Addr::new(o[12], o[13], o[14], o[15]);
    let isatap = matches!([o[8], o[9], o[10], o[11]], [0 | 2, 0, 0x5e, 0xfe]);
    if is_nat64(ip) || isatap {
        Some(low)
    } else if o[0] == 0x20 && o[1] == 0x02 {
        Some(Ipv4Addr::new(o[2], o[3], o[4], o[5]))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const REFUSED: &str = "
        0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 100.100.100.200 127.0.0.1
        127.255.255.254 169.254.169.254 169.254.170.2 168.63.129.16 172.16.0.1 172.31.255.255 192.0.0.192
        192.0.2.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.1.1.1 240.0.0.1
        255.255.255.255 :: ::1 ::2 fc00::1 fd00:ec2::254 fe80::1 febf::1 fec0::1 ff02::1 ::ffff:127.0.0.1
        ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 ::8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::10.0.0.1
        64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8 2002:7f00:1::1 2002:a9fe:a9fe::1 2002:a00:1::
        2001:0:4136:e378::1 2001:2::1 2001:20::1 2001:db8::1 3fff::1 100::1 4000::1 5f00::1
        2a00:1450::5efe:10.0.0.1 2a00:1450:0:0:200:5efe:127.0.0.1
    ";

    #[test]
    fn refused() {
        for text in REFUSED.split_whitespace() {
            assert!(refusal(text.parse().unwrap()).is_some(), "{text}");
        }
    }

    #[test]
    fn passed() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.0.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:4860:4860::8888",
        ] {
            assert_eq!(refusal(text.parse().unwrap()), None, "{text}");
        }
    }
}
