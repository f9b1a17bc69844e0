//! CONFIG GET and CONFIG SET, without the commands around them.
//!
//! CONFIG SET is all or nothing. It works on a copy, so there is nothing to undo here: the caller gets the new
//! snapshot and the list of what changed, applies that (reopening sockets, resizing tables), and only then publishes
//! the snapshot. If applying fails, it applies the old values again and answers [`ConfigSetError::refused`].
//!
//! All names are looked at before any value, and the first that is wrong is the one reported: clients see which error
//! wins when there are several.

use super::error::ConfigSetError;
use super::load::clamp;
use super::setting::{Flags, Origin, Setting};
use super::table::{self, Config, Named};
use super::types::Allow;
use crate::base::{Set, glob_match};

/// What CONFIG GET replies: names and values of the settings that match any of `patterns`, each name once.
///
/// A name without a glob character also finds hidden settings, and is repeated the way it was sent. Aliases count as
/// names of their own.
pub fn config_get(config: &Config, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut listed: Set<&'static str> = Set::default();
    let mut reply = Vec::new();
    for pattern in patterns {
        if !pattern
            .iter()
            .any(|byte| matches!(byte, b'[' | b'*' | b'?'))
        {
            if let Some(Named { setting, name }) = table::find(pattern)
                && listed.insert(name)
            {
                reply.push((pattern.to_vec(), setting.get(config)));
            }
            continue;
        }
        for Named { setting, name } in table::names() {
            if !setting.flags.has(Flags::HIDDEN)
                && glob_match(pattern, name.as_bytes(), true)
                && listed.insert(name)
            {
                reply.push((name.into(), setting.get(config)));
            }
        }
    }
    reply
}

/// Who asks for a CONFIG SET, and when.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetContext {
    /// The connection comes from this machine.
    pub is_local: bool,
    /// The data set is being loaded.
    pub is_loading: bool,
}

/// What a CONFIG SET leads to.
pub struct Changed {
    pub config: Config,
    /// What has to be applied, in the order in which it was asked for: values that differ, and those of `VOLATILE`
    /// settings in any case. Empty if everything was so already.
    pub settings: Vec<&'static Setting>,
}

/// Makes the snapshot in which `arguments`, names and values in turn, hold.
pub fn config_set(
    config: &Config,
    arguments: &[&[u8]],
    context: SetContext,
) -> Result<Changed, ConfigSetError> {
    let (pairs, rest) = arguments.as_chunks::<2>();
    if !rest.is_empty() || pairs.is_empty() {
        return Err(ConfigSetError::Syntax);
    }
    let named = resolve(config, pairs, context)?;
    let mut changed = Changed {
        config: config.clone(),
        settings: Vec::new(),
    };
    for (Named { setting, name }, [_, value]) in named.iter().zip(pairs) {
        let words = if setting.flags.has(Flags::MULTI_ARG) {
            split_at_spaces(value)
        } else {
            vec![value.to_vec()]
        };
        let set = setting.set(&mut changed.config, &words, Origin::Runtime);
        set.map_err(|reason| ConfigSetError::refused(name, reason))?;
    }
    clamp(&mut changed.config);
    for Named { setting, .. } in named {
        let differs = setting.get(&changed.config) != setting.get(config);
        let is_listed = changed
            .settings
            .iter()
            .any(|listed| listed.name == setting.name);
        if (differs || setting.flags.has(Flags::VOLATILE)) && !is_listed {
            changed.settings.push(setting);
        }
    }
    Ok(changed)
}

/// Positions in `arguments` of CONFIG SET that hold secrets, for SLOWLOG and MONITOR.
pub fn sensitive_positions<'a>(arguments: &'a [&'a [u8]]) -> impl Iterator<Item = usize> + 'a {
    let is_secret = |name: &[u8]| {
        table::find(name).is_some_and(|named| named.setting.flags.has(Flags::SENSITIVE))
    };
    let (pairs, _) = arguments.as_chunks::<2>();
    let secrets = pairs
        .iter()
        .enumerate()
        .filter(move |(_, [name, _])| is_secret(name));
    secrets.map(|(i, _)| 2 * i + 1)
}

/// Finds the settings and checks that each may be set, and once only.
fn resolve(
    config: &Config,
    pairs: &[[&[u8]; 2]],
    context: SetContext,
) -> Result<Vec<Named>, ConfigSetError> {
    let protected_allowed = match config.enable_protected_configs {
        Allow::Yes => true,
        Allow::Local => context.is_local,
        Allow::No => false,
    };
    let mut seen: Set<&'static str> = Set::default();
    let check = |[name, value]: &[&[u8]; 2]| {
        let unknown = || ConfigSetError::Unknown(name.to_vec());
        let named = table::find(name).ok_or_else(unknown)?;
        let flags = named.setting.flags;
        let is_newer = flags.has(Flags::NEWER) || named.name != named.setting.name;
        let stays = || is_newer && named.setting.get(config) == *value;
        let reason = if flags.has(Flags::IMMUTABLE) && !stays() {
            "can't set immutable config"
        } else if flags.has(Flags::PROTECTED) && !protected_allowed {
            "can't set protected config"
        } else if context.is_loading && flags.has(Flags::DENY_LOADING) {
            return Err(ConfigSetError::Loading);
        } else if !seen.insert(named.name) {
            "duplicate parameter"
        } else {
            return Ok(named);
        };
        Err(ConfigSetError::Refused {
            // As it was sent; a refused value's error names the setting instead.
            name: name.to_vec(),
            reason: reason.into(),
        })
    };
    pairs.iter().map(check).collect()
}

/// Several values in one argument. Unlike in a file, quotes mean nothing here.
fn split_at_spaces(value: &[u8]) -> Vec<Vec<u8>> {
    if value.is_empty() {
        return Vec::new();
    }
    value
        .split(|byte| *byte == b' ')
        .map(<[u8]>::to_vec)
        .collect()
}
