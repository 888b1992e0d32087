//! Where a request comes from: its address behind trusted proxies, its user agent, the CLI's command.
//!
//! This room knows the headers that say so and whom to believe. It must never know who the caller is.

use http::{HeaderMap, header};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The header in which proxies say for whom they ask.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Longest user agent that is kept, in characters.
const USER_AGENT_MAX: usize = 256;

/// The source address: the peer's, unless the peer is a trusted proxy. Then the right-most address of
/// `X-Forwarded-For` that is no trusted proxy; what stands left of it could be anybody's claim.
pub fn source(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut source = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&source) {
        return source;
    }
    let lines: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().map(|v| v.to_str().unwrap_or("?")).collect();
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Some(address) = address(entry.trim()) else { break };
        source = address;
        if !is_trusted(&source) {
            break;
        }
    }
    source
}

/// An address as proxies write it: alone or with a port, version 6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let alone = text.parse().or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse());
    alone.or_else(|_| text.parse::<SocketAddr>().map(|a| a.ip())).ok().map(|a: IpAddr| a.to_canonical())
}

/// The user agent, at most 256 characters of it, without control characters; empty if there is none.
pub fn user_agent(headers: &HeaderMap) -> String {
    let Some(value) = headers.get(header::USER_AGENT) else { return String::new() };
    let text = String::from_utf8_lossy(value.as_bytes());
    text.chars().take(USER_AGENT_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The command in the CLI's user agent, `pulumi-cli/1 (VERSION; OS; cmd=COMMAND; agent=…)`; empty for anybody else.
pub fn cli_command(user_agent: &str) -> String {
    let Some(inside) = user_agent.strip_prefix("pulumi-cli/").and_then(|rest| rest.split_once('(')) else {
        return String::new();
    };
    let inside = inside.1.split(')').next().unwrap_or_default();
    inside.split(';').find_map(|part| part.trim().strip_prefix("cmd=")).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use http::HeaderValue;

    fn from(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        source(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(from("203.0.113.9", &["10.1.1.1"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(from("203.0.113.9", &["10.1.1.1"], &[]), "203.0.113.9");
    }

    #[test]
    fn the_right_most_untrusted_address_counts() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(from("10.0.0.1", &["198.51.100.7"], &trusted), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["1.2.3.4, 198.51.100.7, 10.0.0.2"], &trusted), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["1.2.3.4", "198.51.100.7", "10.0.0.2"], &trusted), "198.51.100.7");
        assert_eq!(from("10.0.0.1", &["10.3.3.3, 10.0.0.2"], &trusted), "10.3.3.3");
        assert_eq!(from("10.0.0.1", &[], &trusted), "10.0.0.1");
    }

    #[test]
    fn rubbish_ends_the_chain() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(from("10.0.0.1", &["198.51.100.7, unknown"], &trusted), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &["198.51.100.7, unknown, 10.0.0.2"], &trusted), "10.0.0.2");
        assert_eq!(from("10.0.0.1", &[""], &trusted), "10.0.0.1");
    }

    #[test]
    fn forms_of_addresses() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(from("::ffff:10.0.0.1", &["198.51.100.7:4711"], &trusted), "198.51.100.7");
        assert_eq!(from("fd00::1", &["[2001:db8::5]:443"], &trusted), "2001:db8::5");
        assert_eq!(from("fd00::1", &["[2001:db8::5]"], &trusted), "2001:db8::5");
        assert_eq!(from("fd00::1", &["::ffff:198.51.100.7"], &trusted), "198.51.100.7");
    }

    #[test]
    fn the_user_agent_is_cut_and_cleaned() {
        let mut headers = HeaderMap::new();
        assert_eq!(user_agent(&headers), "");
        let long = "ü".repeat(300);
        headers.insert(header::USER_AGENT, HeaderValue::from_bytes(long.as_bytes()).unwrap());
        assert_eq!(user_agent(&headers), "ü".repeat(256));
        headers.insert(header::USER_AGENT, HeaderValue::from_bytes(b"a\tb\xff").unwrap());
        assert_eq!(user_agent(&headers), "a b\u{fffd}");
    }

    #[test]
    fn the_command_of_the_cli() {
        assert_eq!(
            cli_command("pulumi-cli/1 (3.260.0; linux; cmd=pulumi-org-member-list; agent=x)"),
            "pulumi-org-member-list"
        );
        assert_eq!(cli_command("pulumi-cli/1 (3.260.0; linux; cmd=up)"), "up");
        assert_eq!(cli_command("pulumi-cli/1 (3.260.0; linux)"), "");
        assert_eq!(cli_command("curl/8 (cmd=up)"), "");
        assert_eq!(cli_command("pulumi-cli/1"), "");
    }
}
