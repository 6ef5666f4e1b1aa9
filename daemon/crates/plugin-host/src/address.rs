//! Which addresses an outgoing connection may go to.
//!
//! A name on an allowlist says nothing about where it leads: whoever controls its DNS can point it
//! at the daemon's own machine or at a cloud's metadata service. So each *resolved* address is
//! sorted into a [`Scope`], and the [`Reach`] of the one who dials decides. Literal addresses go
//! through the same check. What is not listed here as public is not public.
//!
//! | scope | addresses | `Public` | `Private` | `Any` |
//! | --- | --- | --- | --- | --- |
//! | public | unicast that none of the rows below holds | yes | yes | yes |
//! | loopback | `127.0.0.0/8`, `::1` | no | yes | yes |
//! | private | `10/8`, `172.16/12`, `192.168/16`, `fc00::/7`, `fec0::/10` | no | yes | yes |
//! | shared | `100.64.0.0/10` (carrier-grade NAT, also Tailscale) | no | yes | yes |
//! | reserved | documentation, benchmarking, `192.0.0.0/24`, `192.88.99.0/24`, `240/4`, `2001::/23`, all outside `2000::/3` | no | yes | yes |
//! | translated | IPv4 inside IPv6: mapped, compatible, SIIT, NAT64, 6to4 | no | as the inner address | yes |
//! | link-local | `169.254.0.0/16`, `fe80::/10` | no | no | yes |
//! | metadata | `169.254.169.254`, `169.254.170.2`, `169.254.170.23`, `100.100.100.200`, `168.63.129.16`, `fd00:ec2::254`, `fd20:ce::254` | no | no | yes |
//! | multicast, broadcast, unspecified | `224/4`, `ff00::/8`, `255.255.255.255`, `0.0.0.0/8`, `::` | no | no | yes |
//!
//! [`Reach::Any`] is for a host that an operator wrote down as that very literal address.
//!
//! ```
//! use labd_plugin_host::address::{Reach, Scope, scope};
//!
//! assert_eq!(scope("93.184.215.14".parse()?), Scope::Public);
//! assert_eq!(scope("::ffff:169.254.169.254".parse()?), Scope::Translated);
//!
//! // An operator's own server may be private, but not even a name that the operator wrote may
//! // lead to the metadata service.
//! assert!(Reach::Private.allows("10.0.0.7".parse()?));
//! assert!(!Reach::Private.allows("169.254.169.254".parse()?));
//! assert!(!Reach::Public.allows("10.0.0.7".parse()?));
//! # Ok::<(), std::net::AddrParseError>(())
//! ```

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What kind of address it is; the module's table lists which is which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Reachable by anyone on the internet.
    Public,
    /// This machine.
    Loopback,
    /// A private network.
    Private,
    /// Behind a carrier's NAT.
    Shared,
    /// Not assigned to hosts of the internet.
    Reserved,
    /// IPv4 wrapped in IPv6, which could lead anywhere that IPv4 leads.
    Translated,
    /// The same wire.
    LinkLocal,
    /// A cloud's service that hands out credentials.
    Metadata,
    /// More than one host.
    Multicast,
    /// All hosts of the wire.
    Broadcast,
    /// No host; the operating system takes it for this machine.
    Unspecified,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Loopback => "an address of this machine",
            Self::Private => "a private address",
            Self::Shared => "a carrier's shared address",
            Self::Reserved => "a reserved address",
            Self::Translated => "an IPv4 address inside IPv6",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud metadata service",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Unspecified => "the unspecified address",
        })
    }
}

/// How far the one who dials may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Public addresses only: hosts that a manifest names.
    Public,
    /// Also private networks and this machine: hosts that the operator named.
    Private,
    /// Every address: the operator wrote that very address.
    Any,
}

impl Reach {
    /// Whether a connection to this address may be made.
    pub fn allows(self, address: IpAddr) -> bool {
        match (self, scope(address)) {
            (Self::Any, _) | (_, Scope::Public) => true,
            (Self::Private, Scope::Loopback | Scope::Private | Scope::Shared | Scope::Reserved) => {
                true
            }
            (Self::Private, Scope::Translated) => match address {
                IpAddr::V6(v6) => inner_ipv4(v6).is_some_and(|v4| self.allows(v4.into())),
                IpAddr::V4(_) => false,
            },
            _ => false,
        }
    }
}

/// Sorts an address. See the module's table.
pub fn scope(address: IpAddr) -> Scope {
    match address {
        IpAddr::V4(v4) => scope_v4(v4),
        IpAddr::V6(v6) => scope_v6(v6),
    }
}

/// Whether a host, as a URL writes it, means this machine by its very spelling: `localhost`, names
/// below it (RFC 6761) and literal loopback addresses.
pub fn is_loopback_host(host: &str) -> bool {
    if let Some(address) = literal(host) {
        return scope(address) == Scope::Loopback;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || host
            .rsplit_once('.')
            .is_some_and(|(_, last)| last.eq_ignore_ascii_case("localhost"))
}

/// The address that a host spells out, with or without the brackets of a URL.
pub fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host)
        .parse()
        .ok()
}

fn scope_v4(address: Ipv4Addr) -> Scope {
    match address.octets() {
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [100, 100, 100, 200]
        | [168, 63, 129, 16] => Scope::Metadata,
        [0, ..] => Scope::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Scope::Private,
        [100, 64..=127, ..] => Scope::Shared,
        [127, ..] => Scope::Loopback,
        [169, 254, ..] => Scope::LinkLocal,
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Scope::Reserved,
        [224..=239, ..] => Scope::Multicast,
        [255, 255, 255, 255] => Scope::Broadcast,
        [240..=255, ..] => Scope::Reserved,
        _ => Scope::Public,
    }
}

fn scope_v6(address: Ipv6Addr) -> Scope {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Scope::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Scope::Loopback,
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => {
            Scope::Metadata
        }
        [0xff00..=0xffff, ..] => Scope::Multicast,
        [0xfe80..=0xfebf, ..] => Scope::LinkLocal,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Scope::Private,
        _ if inner_ipv4(address).is_some() => Scope::Translated,
        // Teredo, benchmarking and the other assignments of the IETF; documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Scope::Reserved,
        [0x2000..=0x3fff, ..] => Scope::Public,
        _ => Scope::Reserved,
    }
}

/// The IPv4 address that a gateway or the operating system would take out of an IPv6 address.
fn inner_ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        // Mapped, compatible (other than `::` and `::1`), SIIT.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        // NAT64, well-known and local prefix.
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        // 6to4.
        | [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_address_is_sorted_into_its_scope() {
        for (text, expected) in [
            ("1.1.1.1", Scope::Public),
            ("172.32.0.1", Scope::Public),
            ("100.128.0.1", Scope::Public),
            ("2606:4700::1111", Scope::Public),
            ("127.0.0.1", Scope::Loopback),
            ("127.8.8.8", Scope::Loopback),
            ("::1", Scope::Loopback),
            ("10.1.2.3", Scope::Private),
            ("172.16.0.1", Scope::Private),
            ("172.31.255.255", Scope::Private),
            ("192.168.1.1", Scope::Private),
            ("fd12:3456::1", Scope::Private),
            ("fec0::1", Scope::Private),
            ("100.64.0.1", Scope::Shared),
            ("169.254.1.1", Scope::LinkLocal),
            ("fe80::1", Scope::LinkLocal),
            ("169.254.169.254", Scope::Metadata),
            ("169.254.170.2", Scope::Metadata),
            ("100.100.100.200", Scope::Metadata),
            ("168.63.129.16", Scope::Metadata),
            ("fd00:ec2::254", Scope::Metadata),
            ("224.0.0.1", Scope::Multicast),
            ("ff02::1", Scope::Multicast),
            ("255.255.255.255", Scope::Broadcast),
            ("0.0.0.0", Scope::Unspecified),
            ("0.1.2.3", Scope::Unspecified),
            ("::", Scope::Unspecified),
            ("192.0.2.1", Scope::Reserved),
            ("198.51.100.1", Scope::Reserved),
            ("203.0.113.1", Scope::Reserved),
            ("198.18.0.1", Scope::Reserved),
            ("240.0.0.1", Scope::Reserved),
            ("2001:db8::1", Scope::Reserved),
            ("2001::1", Scope::Reserved),
            ("100::1", Scope::Reserved),
            ("4000::1", Scope::Reserved),
            ("::ffff:1.1.1.1", Scope::Translated),
            ("::ffff:127.0.0.1", Scope::Translated),
            ("::7f00:1", Scope::Translated),
            ("64:ff9b::7f00:1", Scope::Translated),
            ("64:ff9b:1::a00:1", Scope::Translated),
            ("2002:7f00:1::", Scope::Translated),
        ] {
            assert_eq!(scope(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn a_translated_address_is_as_private_as_the_one_inside() {
        let allows = |text: &str| Reach::Private.allows(text.parse().unwrap());
        assert!(allows("::ffff:10.0.0.1"));
        assert!(!allows("::ffff:169.254.169.254"));
        assert!(!allows("2002:a9fe:a9fe::"));
        assert!(!Reach::Public.allows("::ffff:1.1.1.1".parse().unwrap()));
    }

    #[test]
    fn only_the_very_address_opens_the_metadata_service() {
        let metadata = "169.254.169.254".parse().unwrap();
        assert!(!Reach::Public.allows(metadata));
        assert!(!Reach::Private.allows(metadata));
        assert!(Reach::Any.allows(metadata));
    }

    #[test]
    fn loopback_hosts_are_told_by_their_spelling() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "api.localhost",
            "127.0.0.1",
            "[::1]",
            "::1",
        ] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "localhost.example",
            "notlocalhost",
            "127.0.0.1.example",
            "10.0.0.1",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
