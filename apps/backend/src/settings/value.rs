//! How one value is read from text. The same text is read alike from file, environment and command line.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use secrecy::SecretString;

use super::duration;
use super::literal;
use super::rate::Rate;
use super::value_error::ValueError;

/// What can be a setting.
pub(super) trait Value: Sized {
    /// What is accepted, in a few words.
    const FORM: &'static str;
    /// What is accepted where there may be several.
    const LIST_FORM: &'static str = "list";
    /// Whether it is masked wherever it is shown.
    const SECRET: bool = false;
    /// Whether it may begin with a quotation mark.
    const QUOTES_MAY_BEGIN: bool = false;

    /// Reads it. The fault of a secret repeats nothing of the text.
    fn parse(text: &str) -> Result<Self, ValueError>;

    /// How a text that could be read is shown to an operator.
    fn shown(text: &str) -> String {
        text.to_owned()
    }
}

/// A value that can be checked against a range and formatted.
pub(super) trait Measure: PartialOrd {
    fn written(&self) -> String;
}

impl Measure for u32 {
    fn written(&self) -> String {
        self.to_string()
    }
}

impl Measure for usize {
    fn written(&self) -> String {
        self.to_string()
    }
}

impl Measure for Duration {
    fn written(&self) -> String {
        duration::written(*self)
    }
}

impl Value for Duration {
    const FORM: &'static str = "duration";

    fn parse(text: &str) -> Result<Self, ValueError> {
        duration::parse(text).map_err(|what| ValueError::new(what, duration::EXAMPLES))
    }
}

impl Value for u32 {
    const FORM: &'static str = "number";

    fn parse(text: &str) -> Result<Self, ValueError> {
        number(text)
    }
}

impl Value for usize {
    const FORM: &'static str = "number";

    fn parse(text: &str) -> Result<Self, ValueError> {
        number(text)
    }
}

/// Rust would read `+5` too.
fn number<T: FromStr>(text: &str) -> Result<T, ValueError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| ValueError::new(format!("invalid number {text:?}"), "expected a whole number such as 8"))
}

impl Value for bool {
    const FORM: &'static str = "`true` or `false`";

    fn parse(text: &str) -> Result<Self, ValueError> {
        text.parse()
            .map_err(|_| ValueError::new(format!("invalid value {text:?}"), "expected true or false"))
    }
}

impl Value for String {
    const FORM: &'static str = "text";
    const LIST_FORM: &'static str = "list of strings";

    fn parse(text: &str) -> Result<Self, ValueError> {
        match text.chars().any(char::is_control) {
            true => Err(ValueError::new(
                format!("{text:?} contains a control character"),
                "use printable characters only",
            )),
            false => Ok(text.to_owned()),
        }
    }
}

impl Value for PathBuf {
    const FORM: &'static str = "path";

    fn parse(text: &str) -> Result<Self, ValueError> {
        match text {
            "" => Err(ValueError::new(
                "must not be empty",
                "expected a path such as secrets/jwt",
            )),
            _ => literal::unexpanded(text).map_or_else(|| Ok(text.into()), Err),
        }
    }
}

impl Value for SocketAddr {
    const FORM: &'static str = "IP address and port";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let fault = || {
            ValueError::new(
                format!("{text:?} is not an IP address with a port"),
                "expected one such as 127.0.0.1:8000 or [::1]:8000",
            )
        };
        text.parse().map_err(|_| fault())
    }
}

impl Value for Option<SocketAddr> {
    const FORM: &'static str = "IP address and port, or empty";

    fn parse(text: &str) -> Result<Self, ValueError> {
        (!text.is_empty()).then(|| SocketAddr::parse(text)).transpose()
    }
}

impl Value for Option<SecretString> {
    const FORM: &'static str = "secret";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, ValueError> {
        Ok((!text.is_empty()).then(|| SecretString::from(text)))
    }

    fn shown(text: &str) -> String {
        if text.is_empty() {
            String::new()
        } else {
            "***".to_owned()
        }
    }
}

impl Value for Rate {
    const FORM: &'static str = "rate";

    fn parse(text: &str) -> Result<Self, ValueError> {
        text.parse().map_err(|error: <Self as FromStr>::Err| {
            invalid(text, &error, "expected a rate such as 10/15m (ten per fifteen minutes)")
        })
    }
}

fn invalid(text: &str, error: &dyn Display, help: &str) -> ValueError {
    ValueError::new(format!("invalid value {text:?}: {error}"), help)
}

impl Value for IpNet {
    const FORM: &'static str = "IP address or network";
    const LIST_FORM: &'static str = "list of IP addresses and networks";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(Self::from));
        match network.map(of_ipv4_where_mapped) {
            Ok(None) => Err(ValueError::new(
                format!("{text:?} is an IPv4-mapped network whose prefix is shorter than 96 bits"),
                "write the IPv4 network itself, such as 10.0.0.0/8",
            )),
            Ok(Some(network))
                if network.prefix_len() == network.max_prefix_len() && is_never_a_client(network.addr()) =>
            {
                Err(ValueError::new(
                    format!("{text:?} cannot be the IP address of a proxy"),
                    "list the IP addresses from which your proxies connect",
                ))
            }
            Ok(Some(network)) if network.prefix_len() == 0 => {
                let what = format!("{text:?} would let every client forge its IP address");
                Err(ValueError::new(what, "list the IP addresses of your proxies only"))
            }
            Ok(Some(network)) => Ok(network),
            Err(_) => Err(ValueError::new(
                format!("{text:?} is not an IP address or network"),
                "expected one such as 10.0.0.0/8, 192.0.2.1 or fd00::/8",
            )),
        }
    }
}

/// No connection comes from there: nothing would be trusted, and all clients would be taken for the proxy.
fn is_never_a_client(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    address.is_unspecified() || address.is_multicast() || is_broadcast
}

/// The addresses of clients are compared in their canonical form, so a network of IPv4 addresses that are mapped into
/// IPv6 (RFC 4291 §2.5.5.2) is one of IPv4. None for a prefix that ends before the IPv4 address begins.
fn of_ipv4_where_mapped(network: IpNet) -> Option<IpNet> {
    let IpNet::V6(wide) = network else { return Some(network) };
    let Some(address) = wide.addr().to_ipv4_mapped() else {
        return Some(network);
    };
    let prefix = wide.prefix_len().checked_sub(96)?;
    Ipv4Net::new(address, prefix).ok().map(IpNet::V4)
}

/// A list is written with commas; nothing at all is the empty list.
impl<T: Value> Value for Vec<T> {
    const FORM: &'static str = T::LIST_FORM;

    fn parse(text: &str) -> Result<Self, ValueError> {
        if text.trim().is_empty() {
            return Ok(Self::new());
        }
        if text.starts_with('[') && text.ends_with(']') {
            return Err(ValueError::new(
                "lists have brackets in countersign.toml only",
                "separate the elements with commas, without brackets",
            ));
        }
        let element = |text: &str| match text.trim_matches(' ') {
            "" => Err(ValueError::new(
                "contains an empty element",
                "separate the elements with single commas",
            )),
            text => match literal::fault(text, T::QUOTES_MAY_BEGIN) {
                Some(fault) => Err(ValueError::new(format!("an element {}", fault.what), fault.help)),
                None => T::parse(text),
            },
        };
        text.split(',').map(element).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: Value>(texts: &[&str]) {
        for text in texts {
            assert!(T::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        refused::<u32>(&["", "+5", "-1", "1.0", "4294967296", " 5", "0x10"]);
        refused::<bool>(&["", "yes", "1", "True"]);
        refused::<SocketAddr>(&["", "8000", "localhost:8000", "127.0.0.1", "::1:8000", "127.0.0.1:65536"]);
        refused::<IpNet>(&[
            "",
            "10.0.0.0/33",
            "0.0.0.0/0",
            "::/0",
            "::ffff:0.0.0.0/96",
            "::ffff:10.0.0.0/8",
            "::ffff:10.0.0.0/95",
            "::ffff:10.0.0.0/129",
            "fe80::1%eth0",
            "proxy",
        ]);
        refused::<PathBuf>(&[""]);
        refused::<Rate>(&["", "10", "10/", "/1m"]);
        refused::<Vec<IpNet>>(&["10.0.0.1,,10.0.0.2", "10.0.0.1,", "10.0.0.1;10.0.0.2"]);
    }

    #[test]
    fn lists_and_single_addresses_are_read() {
        let networks = Vec::<IpNet>::parse("10.0.0.0/8, 192.0.2.1,fd00::/8").unwrap();
        assert_eq!(
            networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"]
        );
        let mapped = Vec::<IpNet>::parse("::ffff:127.0.0.0/104, ::ffff:192.0.2.1, ::FFFF:c000:0200/120").unwrap();
        assert_eq!(
            mapped.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["127.0.0.0/8", "192.0.2.1/32", "192.0.2.0/24"]
        );
        assert_eq!(Vec::<String>::parse("").unwrap(), Vec::<String>::new());
        assert_eq!(Option::<SocketAddr>::parse("").unwrap(), None);
    }
}
