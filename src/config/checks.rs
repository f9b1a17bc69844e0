//! Checks of single values that a type and a range do not express. The reasons are the field's words.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::types::{Choices, ShutdownOptions};
use super::value;

type Checked = Result<(), &'static str>;

fn require(condition: bool, reason: &'static str) -> Checked {
    if condition { Ok(()) } else { Err(reason) }
}

/// We do not move values around in memory; saying so is better than a switch without effect, and test suites
/// recognise this answer and skip.
pub(super) fn no_defrag(enabled: &bool) -> Checked {
    require(
        !enabled,
        "Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like \
         the one shipped by default with the Redis source distribution",
    )
}

fn is_base_name(name: &str) -> bool {
    !name.contains(['/', '\\'])
}

pub(super) fn db_filename(name: &str) -> Checked {
    require(
        is_base_name(name),
        "dbfilename can't be a path, just a filename",
    )
}

pub(super) fn append_filename(name: &str) -> Checked {
    require(!name.is_empty(), "appendfilename can't be empty")?;
    require(
        is_base_name(name),
        "appendfilename can't be a path, just a filename",
    )
}

pub(super) fn append_dirname(name: &str) -> Checked {
    require(!name.is_empty(), "appenddirname can't be empty")?;
    require(
        is_base_name(name),
        "appenddirname can't be a path, just a dirname",
    )
}

pub(super) fn cluster_config_file(name: &str) -> Checked {
    require(!name.is_empty(), "cluster-config-file can't be empty")
}

pub(super) fn shutdown_options(bits: &u8) -> Checked {
    let options = ShutdownOptions::from_bits(*bits);
    require(
        !(options.has(ShutdownOptions::SAVE) && options.has(ShutdownOptions::NOSAVE)),
        "shutdown options SAVE and NOSAVE can't be used simultaneously",
    )
}

pub(super) fn hostname(name: &str) -> Checked {
    require(
        name.len() < 256,
        "Hostnames must be less than 256 characters",
    )?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    require(
        name.bytes().all(is_allowed),
        "Hostnames may only contain alphanumeric characters, hyphens or dots",
    )
}

/// The name ends up in lists with separators of their own.
pub(super) fn nodename(name: &str) -> Checked {
    require(
        !name.contains(|c| "!#$%&()*+:;<>?@[]^{|}~\0".contains(c)),
        "Announced human node name contained invalid character",
    )
}

pub(super) fn ipv4(address: &str) -> Checked {
    require(
        address.is_empty() || address.parse::<Ipv4Addr>().is_ok(),
        "Invalid IPv4 address",
    )
}

pub(super) fn ipv6(address: &str) -> Checked {
    require(
        address.is_empty() || address.parse::<Ipv6Addr>().is_ok(),
        "Invalid IPv6 address",
    )
}

pub(super) fn power_of_two(size: &i64) -> Checked {
    require(
        *size & (*size - 1) == 0,
        "array-slice-size must be a power of two",
    )
}

/// A title must not come out empty, so at least one part has to be there in every state of the server.
pub(super) fn proc_title(template: &str) -> Checked {
    require(
        title_has_text(template) == Some(true),
        "template format is invalid or contains unknown variables",
    )
}

/// Does the template always produce something but blanks? `None` if it is malformed.
fn title_has_text(template: &str) -> Option<bool> {
    let mut rest = template;
    let mut has_text = false;
    while let Some((text, after)) = rest.split_once('{') {
        has_text |= text.contains(|c| c != ' ');
        if let Some(escaped) = after.strip_prefix('{') {
            has_text = true;
            rest = escaped;
            continue;
        }
        let (variable, tail) = after.split_once('}')?;
        match variable {
            "listen-addr" | "port" | "tls-port" => has_text = true,
            "title" | "server-mode" | "unixsocket" | "config-file" => {}
            _ => return None,
        }
        rest = tail;
    }
    Some(has_text || rest.contains(|c| c != ' '))
}

pub(super) fn shard_cpus(list: &str) -> Checked {
    require(
        value::cpu_list(list).is_some(),
        "argument must be a list of CPUs, like 0-3,5",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_need_known_variables_and_some_text() {
        for good in [
            "{title} {listen-addr}",
            "x",
            "{port}",
            "{{",
            "}",
            "a{title}",
        ] {
            assert_eq!(proc_title(good), Ok(()), "{good}");
        }
        for bad in ["", " ", "{title}", "{", "{x}", "a{port", "{}"] {
            assert!(proc_title(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_hosts_and_nodes_are_limited() {
        assert_eq!(hostname("a-b.c9"), Ok(()));
        assert!(hostname("a_b").is_err());
        assert!(hostname(&"a".repeat(256)).is_err());
        assert_eq!(nodename("node_1 'x'"), Ok(()));
        assert!(nodename("a,b").is_ok());
        assert!(nodename("a:b").is_err());
        assert!(ipv4("1.2.3").is_err());
        assert!(ipv6("::1").is_ok());
    }
}
