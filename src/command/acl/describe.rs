//! Users written out: as lines of ACL LIST and ACL files, and as replies of ACL GETUSER.

use crate::resp::Reply;
use crate::session::{KeyPattern, Selector, User};

/// A user as `user name rules..`: how ACL LIST shows it and an ACL file has it.
pub fn line(user: &User) -> Vec<u8> {
    [b"user ", &user.name[..], b" ", &describe(user)].concat()
}

/// The rules that make the user out of a new one.
pub fn describe(user: &User) -> Vec<u8> {
    let mut words: Vec<Vec<u8>> = flags(user).map(|flag| flag.as_bytes().to_vec()).collect();
    let passwords = user.passwords.iter();
    words.extend(passwords.map(|password| format!("#{}", password.hex()).into_bytes()));
    words.push(selector(&user.root));
    let others = user.selectors.iter();
    words.extend(others.map(|other| [b"(", &selector(other)[..], b")"].concat()));
    words.join(&b' ')
}

fn flags(user: &User) -> impl Iterator<Item = &'static str> + Clone {
    let sanitize = match user.skip_sanitize {
        true => "skip-sanitize-payload",
        false => "sanitize-payload",
    };
    let state = if user.enabled { "on" } else { "off" };
    [
        state,
        if user.no_password { "nopass" } else { "" },
        sanitize,
    ]
    .into_iter()
    .filter(|flag| !flag.is_empty())
}

fn selector(selector: &Selector) -> Vec<u8> {
    let mut words = Vec::new();
    match selector.all_keys {
        true => words.push(b"~*".to_vec()),
        false => words.extend(selector.keys.iter().map(key)),
    }
    match selector.all_channels {
        true => words.push(b"&*".to_vec()),
        false => {
            words.push(b"resetchannels".to_vec());
            words.extend(selector.channels.iter().map(|name| channel(name)));
        }
    }
    words.push(commands(selector));
    words.join(&b' ')
}

fn commands(selector: &Selector) -> Vec<u8> {
    let first: &[u8] = match selector.begins_with_all {
        true => b"+@all",
        false => b"-@all",
    };
    let mut text = first.to_vec();
    for rule in &selector.rules {
        text.push(b' ');
        text.extend_from_slice(rule);
    }
    text
}

fn key(key: &KeyPattern) -> Vec<u8> {
    let sign: &[u8] = match (key.read, key.write) {
        (true, false) => b"%R~",
        (false, true) => b"%W~",
        _ => b"~",
    };
    [sign, &key.pattern].concat()
}

fn channel(pattern: &[u8]) -> Vec<u8> {
    [b"&", pattern].concat()
}

/// The reply of ACL GETUSER.
pub(super) fn reply_user(user: &User, reply: &mut Reply<'_>) {
    reply.map(6);
    reply.bulk_str("flags");
    reply.set(flags(user).count());
    flags(user).for_each(|flag| reply.bulk_str(flag));
    reply.bulk_str("passwords");
    reply.array(user.passwords.len());
    for password in &user.passwords {
        reply.bulk_str(&password.hex());
    }
    reply_selector(&user.root, reply);
    reply.bulk_str("selectors");
    reply.array(user.selectors.len());
    for selector in &user.selectors {
        reply.map(3);
        reply_selector(selector, reply);
    }
}

fn reply_selector(selector: &Selector, reply: &mut Reply<'_>) {
    let keys: Vec<Vec<u8>> = match selector.all_keys {
        true => vec![b"~*".to_vec()],
        false => selector.keys.iter().map(key).collect(),
    };
    let channels: Vec<Vec<u8>> = match selector.all_channels {
        true => vec![b"&*".to_vec()],
        false => selector.channels.iter().map(|name| channel(name)).collect(),
    };
    reply.bulk_str("commands");
    reply.bulk(&commands(selector));
    reply.bulk_str("keys");
    reply.bulk(&keys.join(&b' '));
    reply.bulk_str("channels");
    reply.bulk(&channels.join(&b' '));
}
