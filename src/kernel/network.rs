//! Network addresses: who is near.

use std::net::IpAddr;

/// Whether a caller of this address is on this machine or in the house's own network: loopback, private (RFC 1918), unique local
/// (RFC 4193) and link-local addresses. 100.64.0.0/10 is not among them: RFC 6598 gives it to carriers, whose other customers
/// share it.
#[must_use]
pub const fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            if let Some(mapped) = address.to_ipv4_mapped() {
                return is_near(IpAddr::V4(mapped));
            }
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn near_is_this_machine_and_the_house() {
        for near in [
            "127.0.0.1",
            "127.255.0.9",
            "10.0.0.1",
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.20",
            "169.254.7.7",
            "::1",
            "fc00::1",
            "fdff:1234::9",
            "fe80::1",
            "febf::1",
            "::ffff:192.168.1.20",
        ] {
            assert!(is_near(address(near)), "{near}");
        }
        for far in [
            "203.0.113.9",
            "8.8.8.8",
            "172.15.255.255",
            "172.32.0.1",
            "192.169.0.1",
            "11.0.0.1",
            "169.253.0.1",
            "128.0.0.1",
            "100.64.0.1",
            "100.127.255.254",
            "0.0.0.0",
            "255.255.255.255",
            "2001:db8::1",
            "fec0::1",
            "fbff::1",
            "::",
            "::ffff:203.0.113.9",
        ] {
            assert!(!is_near(address(far)), "{far}");
        }
    }
}
