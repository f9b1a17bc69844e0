//! Users at start, from `user` lines of the configuration or from an ACL file; and that file again, later.
//!
//! An ACL file is a line for each user and nothing else: it is rewritten as a whole, so comments would be lost and are
//! refused. If one line is wrong nothing is taken from it.

use super::describe::line;
use super::rules::{RuleError, Rules, has_blanks, merge_selectors};
use crate::config::{UserLine, os_reason, write_atomically};
use crate::session::{DEFAULT_USER, User, Users};
use std::io;
use std::path::Path;

/// What is wrong with the last `user` line of a configuration, but for names that nothing is known of: those are looked at
/// when all of it has been read. What is named is, as in Redis, the word of the line as far from its beginning as the
/// wrong rule is from the first one.
pub fn check_last(lines: &[UserLine], rules: Rules) -> Result<(), String> {
    let Some((UserLine { words, .. }, before)) = lines.split_last() else {
        return Ok(());
    };
    let Some((name, rest)) = words.split_first() else {
        return Ok(());
    };
    let wrong = |at: usize, why: &str| {
        let what = at.checked_sub(1).map_or(&b"user"[..], |at| &words[at]);
        let what = String::from_utf8_lossy(what);
        Err(format!("Error in user declaration '{what}': {why}"))
    };
    if before.iter().any(|line| line.words.first() == Some(name)) {
        let why = "Duplicate user found. A user can only be defined once in config files";
        return wrong(1, why);
    }
    let merged = match merge_selectors(rest) {
        Ok(merged) => merged,
        Err(at) => return wrong(at, "Unmatched parenthesis in selector"),
    };
    let mut user = rules.new_user(name);
    for (at, rule) in merged.iter().enumerate() {
        match rules.apply(&mut user, rule) {
            Ok(()) | Err(RuleError::Unknown) => {}
            Err(error) => return wrong(at, &error.to_string()),
        }
    }
    Ok(())
}

/// Applies the `user` lines of a configuration, each of which was checked when it was read.
pub fn from_config(lines: &[UserLine], rules: Rules, users: &mut Users) -> Result<(), String> {
    for UserLine { words, .. } in lines {
        let Some((name, words)) = words.split_first() else {
            continue;
        };
        if has_blanks(name) {
            return Err("Spaces not allowed in ACL usernames".into());
        }
        let merged = merge_selectors(words)
            .map_err(|_| "Unmatched parenthesis in selector definition".to_owned())?;
        let mut user = rules.new_user(name);
        for rule in &merged {
            rules.apply(&mut user, rule).map_err(|error| {
                format!(
                    "Error loading ACL rule '{}' for the user named '{}': {error}",
                    String::from_utf8_lossy(rule),
                    String::from_utf8_lossy(name),
                )
            })?;
        }
        if !user.enabled {
            tracing::info!(
                "The user '{}' is disabled (there is no 'on' modifier in the user description). Make sure this is \
                 not a configuration error.",
                String::from_utf8_lossy(name)
            );
        }
        users.put(user);
    }
    Ok(())
}

/// Takes over the users of an ACL file in place of those there are. The errors of all lines come as one text.
pub fn load(path: &str, rules: Rules, users: &mut Users) -> Result<(), String> {
    let text = std::fs::read(path).map_err(|error| {
        let reason = os_reason(&error);
        format!("Error loading ACLs, opening file '{path}': {reason}")
    })?;
    let (loaded, mut errors) = parse(path, &text, rules);
    if !errors.is_empty() {
        errors.push_str(
            "WARNING: ACL errors detected, no change to the previously active ACL rules was performed",
        );
        return Err(errors);
    }
    let (default, others): (Vec<User>, Vec<User>) = loaded
        .into_iter()
        .partition(|user| *user.name == *DEFAULT_USER);
    let default = default.into_iter().next();
    let default = default.unwrap_or_else(|| User::unlimited(DEFAULT_USER));
    users.replace(default, others);
    Ok(())
}

fn parse(path: &str, text: &[u8], rules: Rules) -> (Vec<User>, String) {
    let mut users: Vec<User> = Vec::new();
    let mut errors = String::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let [b"user", name, words @ ..] = &words[..] else {
            errors.push_str(&format!(
                "{path}:{number} should start with user keyword followed by the username. "
            ));
            continue;
        };
        let shown = String::from_utf8_lossy(name);
        if has_blanks(name) {
            errors.push_str(&format!(
                "'{path}:{number}: username '{shown}' contains invalid characters. "
            ));
            continue;
        }
        if users.iter().any(|known| *known.name == **name) {
            errors.push_str(&format!(
                "WARNING: Duplicate user '{shown}' found on line {number}. "
            ));
            continue;
        }
        let mut user = rules.new_user(name);
        match merge_selectors(words) {
            Ok(merged) => apply(path, number, rules, &mut user, &merged, &mut errors),
            Err(_) => errors.push_str(&format!(
                "{path}:{number}: Unmatched parenthesis in selector definition."
            )),
        }
        users.push(user);
    }
    (users, errors)
}

fn apply(
    path: &str,
    number: usize,
    rules: Rules,
    user: &mut User,
    words: &[Vec<u8>],
    errors: &mut String,
) {
    let mut is_told = false;
    for word in words {
        match rules.apply(user, word.trim_ascii()) {
            Ok(()) => {}
            // A name of a command is no secret, so it is shown.
            Err(error @ RuleError::Unknown) => errors.push_str(&format!(
                "{path}:{number}: Error in applying operation '{}': {error}. ",
                String::from_utf8_lossy(word)
            )),
            Err(error) if !is_told => {
                errors.push_str(&format!("{path}:{number}: {error}. "));
                is_told = true;
            }
            // One mistake may be the reason of the others.
            Err(_) => {}
        }
    }
}

/// Writes all users into an ACL file: all, or none.
pub fn save(path: &str, users: &Users) -> io::Result<()> {
    let mut text = Vec::new();
    for user in users.iter() {
        text.extend(line(user));
        text.push(b'\n');
    }
    write_atomically(Path::new(path), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        all_channels: false,
    };

    fn errors(text: &str) -> String {
        parse("f", text.as_bytes(), RULES).1
    }

    #[test]
    fn all_errors_of_a_file_are_told_with_their_lines() {
        assert_eq!(errors("\n  user a on >x ~*  +get\n\nuser b\r\n"), "");
        assert_eq!(
            errors("user a on\n# no\nuser\nuser a off"),
            "f:2 should start with user keyword followed by the username. f:3 should start with user keyword \
             followed by the username. WARNING: Duplicate user 'a' found on line 4. "
        );
        assert_eq!(
            errors("user a +nope what ever +@nope"),
            "f:1: Error in applying operation '+nope': Unknown command or category name in ACL. f:1: Syntax error. \
             f:1: Error in applying operation '+@nope': Unknown command or category name in ACL. "
        );
        assert_eq!(
            errors("user a (+get"),
            "f:1: Unmatched parenthesis in selector definition."
        );
    }

    #[test]
    fn a_saved_file_loads_as_the_same_users() {
        let path = std::env::temp_dir().join(format!("tessera-acl-{}", std::process::id()));
        let path = path.to_str().unwrap();
        let text = "user default on >p ~* &* +@all\nuser alice on nopass %R~a +@read (~b +set)\n";
        std::fs::write(path, text).unwrap();
        let mut users = Users::default();
        users.put(RULES.new_user(b"gone"));
        load(path, RULES, &mut users).unwrap();
        assert!(users.get(b"gone").is_none() && !users.default_user().is_open());
        save(path, &users).unwrap();
        let saved = std::fs::read(path).unwrap();
        load(path, RULES, &mut users).unwrap();
        save(path, &users).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), saved);
        assert!(saved.starts_with(
            b"user alice on nopass sanitize-payload %R~a resetchannels -@all +@read ("
        ));
        std::fs::write(path, "user default on nopass\nuser bob (").unwrap();
        assert!(load(path, RULES, &mut users).is_err());
        assert!(users.get(b"alice").is_some(), "all or nothing");
        std::fs::remove_file(path).unwrap();
        assert!(
            load(path, RULES, &mut users)
                .unwrap_err()
                .ends_with("No such file or directory")
        );
    }
}
