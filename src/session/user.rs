//! Users: what each may do, compiled from ACL rules so that a check is a few loads.
//!
//! A [`User`] never changes; a change of rules makes another one, and [`Users`], the set of all, is replaced as a whole.
//! Every session holds the user it is logged in as. The rules themselves are read and written by
//! `command/acl/`, which knows the commands; here a command is the number of its row.

use super::password::Password;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A set of commands, by the number of their rows.
#[derive(Clone, Debug, Default)]
pub struct CommandSet {
    words: Vec<u64>,
}

impl CommandSet {
    /// Whether command `id` is in it.
    #[inline]
    pub fn has(&self, id: u16) -> bool {
        let word = self.words.get(usize::from(id) / 64);
        word.is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    /// Puts command `id` in, or takes it out.
    pub fn set(&mut self, id: u16, on: bool) {
        let at = usize::from(id) / 64;
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        let bit = 1 << (id % 64);
        match on {
            true => self.words[at] |= bit,
            false => self.words[at] &= !bit,
        }
    }

    /// Puts all commands below `count` in, or takes all out.
    pub fn fill(&mut self, count: usize, on: bool) {
        self.words.clear();
        if on {
            self.words.resize(count.div_ceil(64), u64::MAX);
        }
    }
}

/// Keys that may be used, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyPattern {
    /// Glob pattern of the keys' names.
    pub pattern: Box<[u8]>,
    /// Their values may be read.
    pub read: bool,
    /// Their values may be changed.
    pub write: bool,
}

/// One complete set of permissions. A command is allowed if any selector of its user allows all of it.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// Every command, without looking at `commands`.
    pub all_commands: bool,
    /// The rules began with all commands, so that those still unknown are allowed as well.
    pub begins_with_all: bool,
    /// The commands that are allowed.
    pub commands: CommandSet,
    /// Commands that are allowed with this first argument only: the old form `+select|0`.
    pub first_args: Vec<(u16, Box<[u8]>)>,
    /// The rules behind `commands`, each with its sign, normalised.
    pub rules: Vec<Box<[u8]>>,
    /// Every key.
    pub all_keys: bool,
    /// The keys that are allowed.
    pub keys: Vec<KeyPattern>,
    /// Every channel.
    pub all_channels: bool,
    /// Patterns of the channels that are allowed.
    pub channels: Vec<Box<[u8]>>,
}

impl Selector {
    /// Nothing is forbidden.
    pub fn is_unlimited(&self) -> bool {
        self.all_commands && self.all_keys && self.all_channels
    }
}

/// A user.
#[derive(Clone, Debug)]
pub struct User {
    /// The name; may be any bytes but spaces and zeroes.
    pub name: Box<[u8]>,
    /// Tells users apart that had the same name one after the other.
    pub generation: u64,
    /// It is possible to log in.
    pub enabled: bool,
    /// Any password will do.
    pub no_password: bool,
    /// RESTORE does not look into payloads in depth.
    pub skip_sanitize: bool,
    /// Digests of the passwords, oldest first.
    pub passwords: Vec<Password>,
    /// The permissions that rules outside of parentheses change.
    pub root: Selector,
    /// Those in parentheses.
    pub selectors: Vec<Selector>,
}

impl User {
    /// A user who may do nothing, not even log in.
    pub fn new(name: &[u8]) -> User {
        User {
            name: name.into(),
            generation: 0,
            enabled: false,
            no_password: false,
            skip_sanitize: false,
            passwords: Vec::new(),
            root: Selector::default(),
            selectors: Vec::new(),
        }
    }

    /// The user of connections that did not log in, as it is if nothing is configured: may do everything.
    pub fn unlimited(name: &[u8]) -> User {
        User {
            enabled: true,
            no_password: true,
            root: Selector {
                all_commands: true,
                begins_with_all: true,
                all_keys: true,
                all_channels: true,
                ..Selector::default()
            },
            ..User::new(name)
        }
    }

    /// All permissions, the root's first.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> + Clone {
        std::iter::once(&self.root).chain(&self.selectors)
    }

    /// No check can fail.
    pub fn is_unlimited(&self) -> bool {
        self.selectors().any(Selector::is_unlimited)
    }

    /// Whether one can log in with this password. Takes about the same time for any password.
    pub fn accepts(&self, password: &[u8]) -> bool {
        if !self.enabled || self.no_password {
            return self.enabled;
        }
        let given = Password::of(password);
        let matches = self.passwords.iter().filter(|known| **known == given);
        matches.count() > 0
    }

    /// Connections need not log in to be this user.
    pub fn is_open(&self) -> bool {
        self.enabled && self.no_password
    }
}

/// The name of the user that always exists.
pub const DEFAULT_USER: &[u8] = b"default";

/// All users as of one moment.
#[derive(Clone, Debug)]
pub struct Users {
    by_name: BTreeMap<Box<[u8]>, Arc<User>>,
    default: Arc<User>,
    generation: u64,
}

impl Default for Users {
    /// Only the default user, who may do everything.
    fn default() -> Users {
        let default = Arc::new(User::unlimited(DEFAULT_USER));
        Users {
            by_name: BTreeMap::from([(default.name.clone(), Arc::clone(&default))]),
            default,
            generation: 0,
        }
    }
}

impl Users {
    /// The user of this name.
    pub fn get(&self, name: &[u8]) -> Option<&Arc<User>> {
        self.by_name.get(name)
    }

    /// The user of connections that did not log in.
    pub fn default_user(&self) -> &Arc<User> {
        &self.default
    }

    /// All users, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<User>> {
        self.by_name.values()
    }

    /// Adds a user, or puts it in the place of the one of that name, who stays the same person.
    pub fn put(&mut self, mut user: User) {
        user.generation = match self.by_name.get(&user.name) {
            Some(known) => known.generation,
            None => {
                self.generation += 1;
                self.generation
            }
        };
        let user = Arc::new(user);
        if *user.name == *DEFAULT_USER {
            self.default = Arc::clone(&user);
        }
        self.by_name.insert(user.name.clone(), user);
    }

    /// Removes a user; false if there was none, or it is the one that always exists.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        name != DEFAULT_USER && self.by_name.remove(name).is_some()
    }

    /// Takes over `users` in place of all but the default user, who is changed. The others are other persons than before,
    /// also if they have the same names.
    pub fn replace(&mut self, default: User, users: impl IntoIterator<Item = User>) {
        let known = Arc::clone(&self.default);
        self.by_name.clear();
        self.by_name.insert(known.name.clone(), known);
        self.put(default);
        users.into_iter().for_each(|user| self.put(user));
    }

    /// Who a session logged in as `user` is now; `None` if that user is gone.
    pub fn successor(&self, user: &User) -> Option<&Arc<User>> {
        let found = self.by_name.get(&user.name)?;
        (found.generation == user.generation).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_who_comes_back_is_somebody_else() {
        let mut users = Users::default();
        users.put(User::new(b"bob"));
        let bob = Arc::clone(users.get(b"bob").unwrap());
        users.put(User::new(b"bob"));
        assert!(users.successor(&bob).is_some(), "changed, but the same");
        assert!(users.remove(b"bob") && !users.remove(b"bob"));
        assert!(users.successor(&bob).is_none());
        users.put(User::new(b"bob"));
        assert!(users.successor(&bob).is_none(), "another bob");
        let (bob, default) = (
            users.get(b"bob").unwrap().clone(),
            users.default_user().clone(),
        );
        users.replace(User::new(DEFAULT_USER), [User::new(b"bob")]);
        assert!(users.successor(&bob).is_none());
        assert!(users.successor(&default).is_some_and(|user| !user.enabled));
        assert!(!users.remove(DEFAULT_USER));
    }

    #[test]
    fn passwords_open_only_enabled_users() {
        let mut user = User::new(b"bob");
        user.passwords = vec![Password::of(b"a"), Password::of(b"b")];
        assert!(!user.accepts(b"a"));
        user.enabled = true;
        assert!(user.accepts(b"a") && user.accepts(b"b") && !user.accepts(b"c"));
        user.no_password = true;
        assert!(user.accepts(b"c") && user.is_open());
    }

    #[test]
    fn command_sets_have_what_was_put_in() {
        let mut set = CommandSet::default();
        set.set(130, true);
        assert!(set.has(130) && !set.has(2) && !set.has(u16::MAX));
        set.fill(200, true);
        set.set(130, false);
        assert!(!set.has(130) && set.has(199));
        set.fill(200, false);
        assert!(!set.has(199));
    }
}
