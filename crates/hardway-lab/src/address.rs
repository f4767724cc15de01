//! Which addresses a lab and its machines get.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{LabError, Result};

/// A lab's /24 inside 172.30.0.0/16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Subnet(u8);

impl Subnet {
    /// The host on the lab's bridge, which is the machines' router.
    pub(crate) fn gateway(self) -> Ipv4Addr {
        self.host(1)
    }

    /// An address that no machine gets: load balancers count down to .3 at the most.
    pub(crate) fn spare(self) -> Ipv4Addr {
        self.host(2)
    }

    /// The address that ends in `host`.
    pub(crate) fn host(self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(172, 30, self.0, host)
    }

    /// The first free subnet, looked for from a place that depends on the lab's id, so that labs
    /// rarely move when others come and go.
    pub(crate) fn choose(seed: u8, taken: &[Cidr]) -> Option<Self> {
        (0..=u8::MAX)
            .map(|offset| Self(seed.wrapping_add(offset)))
            .find(|subnet| !taken.iter().any(|cidr| cidr.overlaps(subnet.cidr())))
    }

    pub(crate) fn cidr(self) -> Cidr {
        Cidr { address: self.host(0), prefix: 24 }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cidr().fmt(f)
    }
}

/// A range of addresses that somebody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cidr {
    address: Ipv4Addr,
    prefix: u8,
}

impl Cidr {
    fn overlaps(self, other: Self) -> bool {
        // A default route covers everything and takes nothing.
        let prefix = self.prefix.min(other.prefix);
        if prefix == 0 {
            return false;
        }
        let mask = u32::MAX << (32 - u32::from(prefix));
        u32::from(self.address) & mask == u32::from(other.address) & mask
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Cidr {
    type Err = ();

    /// Reads `10.0.0.0/8` or a lone address.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
        let prefix = prefix.parse().map_err(|_| ())?;
        if prefix > 32 {
            return Err(());
        }
        Ok(Self { address: address.parse().map_err(|_| ())?, prefix })
    }
}

/// The destinations in `ip -4 -oneline route show table all` and the addresses in
/// `ip -4 -oneline address`: every word that reads as a range.
pub(crate) fn ranges_in_use(ip_output: &str) -> Vec<Cidr> {
    ip_output.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The last octet for a machine: load balancers `lb`, `lb2` at .10, .9 and downwards, control
/// planes `cpN` at .10 + N, workers `wN` at .20 + N, anything else from .200 upwards.
pub(crate) fn host_number(subnet: Subnet, name: &str, taken: &[u8]) -> Result<u8> {
    let preferred = match split_number(name) {
        ("lb", number @ 0..=8) => Some(10 - number.max(1) + 1),
        ("cp", number @ 1..=9) => Some(10 + number),
        ("w", number @ 1..=179) => Some(20 + number),
        _ => None,
    };
    preferred
        .into_iter()
        .chain(200..=254)
        .find(|host| !taken.contains(host))
        .ok_or_else(|| LabError::NoFreeAddress { machine: name.to_owned(), subnet: subnet.to_string() })
}

/// `cp12` → (`cp`, 12); without digits, or with too large a number, the number is 0 or 255.
fn split_number(name: &str) -> (&str, u8) {
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &name[letters.len()..];
    let number = if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u8::MAX) };
    (letters, number)
}

/// A machine name is a host name label (RFC 1123), and no other machine has it.
pub(crate) fn check_names(names: &[String]) -> Result<()> {
    for (index, name) in names.iter().enumerate() {
        let reason = if name.is_empty() || name.len() > 63 {
            "is not 1 to 63 characters long"
        } else if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            "has characters other than a-z, 0-9 and `-`"
        } else if name.starts_with('-') || name.ends_with('-') {
            "begins or ends with `-`"
        } else if names[..index].contains(name) {
            "occurs twice"
        } else {
            continue;
        };
        return Err(LabError::MachineName { name: name.clone(), reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, taken: &[u8]) -> u8 {
        host_number(Subnet(1), name, taken).unwrap()
    }

    #[test]
    fn machines_stand_where_their_names_say() {
        assert_eq!(host("lb", &[]), 10);
        assert_eq!(host("lb1", &[]), 10);
        assert_eq!(host("lb2", &[]), 9);
        assert_eq!(host("cp1", &[]), 11);
        assert_eq!(host("cp9", &[]), 19);
        assert_eq!(host("w1", &[]), 21);
        assert_eq!(host("w100", &[]), 120);
    }

    #[test]
    fn a_machine_without_a_place_of_its_own_comes_after_the_others() {
        assert_eq!(host("registry", &[]), 200);
        assert_eq!(host("registry", &[200]), 201);
        assert_eq!(host("cp10", &[]), 200);
        assert_eq!(host("lb1", &[10]), 200);
        assert_eq!(host("w999999", &[]), 200);
    }

    #[test]
    fn a_full_subnet_is_an_error() {
        let all: Vec<u8> = (0..=255).collect();
        assert!(host_number(Subnet(1), "w1", &all).is_err());
    }

    #[test]
    fn a_subnet_in_use_is_passed_over() {
        let taken = ranges_in_use(
            "default via 192.0.2.1 dev eth0\n172.30.7.0/24 dev br0 scope link src 172.30.7.1\n\
             172.30.8.128/25 via 10.0.0.1\nlocal 172.30.9.4 dev tun0 table local",
        );
        assert_eq!(Subnet::choose(7, &taken), Some(Subnet(10)));
    }

    #[test]
    fn a_larger_range_in_use_leaves_nothing() {
        assert_eq!(Subnet::choose(0, &ranges_in_use("172.16.0.0/12")), None);
    }

    #[test]
    fn a_default_route_takes_nothing() {
        assert_eq!(Subnet::choose(255, &ranges_in_use("0.0.0.0/0")), Some(Subnet(255)));
    }

    #[test]
    fn names_that_are_no_host_names_are_refused() {
        for name in ["", "Cp1", "a_b", "-a", "a-", "a.b", "../x"] {
            assert!(check_names(&[name.to_owned()]).is_err(), "{name}");
        }
        assert!(check_names(&["a".into(), "a".into()]).is_err());
        assert!(check_names(&["lb".into(), "cp1".into(), "my-w2".into()]).is_ok());
    }
}
