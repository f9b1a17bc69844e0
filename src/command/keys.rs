//! Which arguments of a call are keys, and how they are used.
//!
//! Three levels, from fast to general:
//!   * [`sole_key`]: most commands have exactly one key at a fixed place; one load and one compare.
//!   * key specs: rules in the row (`at`, `range`, `counted`, `after`), interpreted by [`keys`].
//!   * own functions, for the few commands whose keys no rule can find (SORT .. STORE, MIGRATE, GEORADIUS ..
//!     STORE) or whose flags depend on the arguments (SET .. GET, BITFIELD).
//!
//! The result must cover every key that the command will touch, since shards are chosen, and lent, by it; a
//! wrong call may yield fewer, as it ends in an error anyway. So where a command takes the last of repeated
//! options, all of them are returned rather than the first.
//!
//! Cost: no allocation up to [`INLINE_KEYS`] keys. The arity must have been checked before.

use super::spec::{Begin, CommandSpec, Find, KeyFlags, KeySpec, flag, key_flag::*};
use crate::resp::Args;

/// Keys that a [`KeyList`] holds without allocating.
pub const INLINE_KEYS: usize = 8;

/// A key of a call: which argument it is, and how it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct KeyRef {
    /// Argument number; the command's name is number 0.
    pub index: u32,
    /// How the key is used.
    pub flags: KeyFlags,
}

/// The keys of a call, in the order of the row's specs.
#[derive(Clone, Debug, Default)]
pub struct KeyList {
    len: u32,
    few: [KeyRef; INLINE_KEYS],
    many: Vec<KeyRef>,
}

impl KeyList {
    /// Forgets the keys; keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
        self.many.clear();
    }

    #[inline]
    fn push(&mut self, index: usize, flags: KeyFlags) {
        let key = KeyRef {
            index: index as u32,
            flags,
        };
        let len = self.len as usize;
        if len < INLINE_KEYS {
            self.few[len] = key;
        } else {
            if len == INLINE_KEYS {
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(key);
        }
        self.len += 1;
    }

    /// The keys.
    #[inline]
    pub fn as_slice(&self) -> &[KeyRef] {
        let len = self.len as usize;
        if len <= INLINE_KEYS {
            &self.few[..len]
        } else {
            &self.many
        }
    }
}

impl std::ops::Deref for KeyList {
    type Target = [KeyRef];
    fn deref(&self) -> &[KeyRef] {
        self.as_slice()
    }
}

/// The arguments are such that the keys cannot be told: the command will refuse them.
///
/// A caller that routes should run the command on any shard to get its own error; COMMAND GETKEYS says
/// "Invalid arguments specified for command".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysError;

/// A row's own key function: pushes the keys it finds.
pub type OwnKeys = fn(Args<'_>, &mut KeyList) -> Result<(), KeysError>;

/// The argument number of the only key, for rows whose calls always have exactly one; else `None`.
///
/// The arity check must have passed.
#[inline]
pub fn sole_key(spec: &CommandSpec) -> Option<usize> {
    if spec.sole_key != 0 {
        Some(usize::from(spec.sole_key))
    } else {
        None
    }
}

/// The keys of the call `args` to `spec`, with their flags.
pub fn keys(spec: &CommandSpec, args: Args<'_>) -> Result<KeyList, KeysError> {
    let mut list = KeyList::default();
    find_keys(spec, args, &mut list)?;
    Ok(list)
}

/// Replaces what `list` holds by the keys of the call: [`keys`] for callers that keep a list at hand.
pub fn find_keys(spec: &CommandSpec, args: Args<'_>, list: &mut KeyList) -> Result<(), KeysError> {
    list.clear();
    if let Some(own) = spec.own_keys {
        return own(args, list);
    }
    for key_spec in spec.key_specs {
        if !key_spec.flags.has(NOT_KEY) {
            apply(key_spec, spec, args, list)?;
        }
    }
    Ok(())
}

/// The keys of a call as COMMAND GETKEYS tells them: also of one whose last key has no value, which as a call is wrong.
pub fn listed_keys(spec: &CommandSpec, args: Args<'_>) -> Result<KeyList, KeysError> {
    let step = stride(spec);
    match (keys(spec, args), spec.key_specs) {
        (Err(KeysError), [sole]) if step > 1 && spec.own_keys.is_none() => {
            let Begin::Index(first) = sole.begin else {
                return Err(KeysError);
            };
            let left = args.len().saturating_sub(usize::from(first)) % step;
            let mut list = keys(spec, args.first(args.len() - left))?;
            list.push(args.len() - left, sole.flags);
            Ok(list)
        }
        (found, _) => found,
    }
}

/// The arguments of the call that a cluster routes by: its keys, or the shard channels that stand for them.
pub fn keys_and_channels(spec: &CommandSpec, args: Args<'_>) -> Result<KeyList, KeysError> {
    let mut list = keys(spec, args)?;
    for key_spec in spec.key_specs {
        if key_spec.flags.has(NOT_KEY) {
            apply(key_spec, spec, args, &mut list)?;
        }
    }
    Ok(list)
}

/// How many arguments belong to each key of a row that is routed `Split` or `Vote`, the key included:
/// 1 for MGET, 2 for MSET.
pub fn stride(spec: &CommandSpec) -> usize {
    match spec.key_specs {
        [
            KeySpec {
                find: Find::Range { step, .. } | Find::KeyNum { step, .. },
                ..
            },
            ..,
        ] => usize::from(*step),
        _ => 1,
    }
}

/// For rows routed `ParkAll`: will this call touch keys that its arguments do not name?
///
/// SORT with a BY or GET pattern does, since the pattern is filled in with elements. A pattern without `*`
/// names no key (BY: do not sort; GET: nothing is found), and `GET #` is the element itself.
pub fn needs_all(args: Args<'_>) -> bool {
    let mut i = 2;
    while i < args.len() {
        let option = SortOption::of(args.arg(i));
        if matches!(option, SortOption::By | SortOption::Get)
            && i + 1 < args.len()
            && args.arg(i + 1).contains(&b'*')
        {
            return true;
        }
        i += 1 + option.values();
    }
    false
}

/// An option of SORT that reaches for keys the arguments do not name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// BY with a pattern.
    By,
    /// GET.
    Get,
}

/// For rows routed `ParkAll`: the first option for which the user has to be allowed to read all keys. What stands behind
/// a mistake is not looked at: the command will refuse it.
pub fn first_pattern(args: Args<'_>) -> Option<Pattern> {
    let mut i = 2;
    while i < args.len() {
        let option = SortOption::of(args.arg(i));
        let left = args.len() - i - 1;
        match option {
            _ if option.values() > left => return None,
            SortOption::By if args.arg(i + 1).contains(&b'*') => return Some(Pattern::By),
            SortOption::Get => return Some(Pattern::Get),
            SortOption::Other if !["asc", "desc", "alpha"].iter().any(|word| args.is(i, word)) => {
                return None;
            }
            _ => {}
        }
        i += 1 + option.values();
    }
    None
}

/// Adds the keys that one spec finds.
fn apply(
    key_spec: &KeySpec,
    spec: &CommandSpec,
    args: Args<'_>,
    list: &mut KeyList,
) -> Result<(), KeysError> {
    let argc = args.len();
    let begin = match key_spec.begin {
        Begin::Index(index) => usize::from(index),
        Begin::Keyword(word, from) => match find_word(args, word, from) {
            Some(position) => position + 1,
            None => return Ok(()),
        },
        Begin::Unknown => return Err(KeysError),
    };
    let (first, end, step) = match key_spec.find {
        Find::Range { last, step, limit } => {
            let end = match (last, limit) {
                (0.., _) => begin + last as usize + 1,
                (_, 0) => (argc + 1).saturating_sub(usize::from(last.unsigned_abs())),
                (_, limit) => begin + argc.saturating_sub(begin) / usize::from(limit),
            };
            (begin, end, usize::from(step))
        }
        Find::KeyNum { index, first, step } => {
            let at = begin + usize::from(index);
            let count = args.get(at).and_then(parse_count).ok_or(KeysError)?;
            let (first, step) = (begin + usize::from(first), usize::from(step));
            if count == 0 && spec.flags.has(flag::NO_MANDATORY_KEYS) {
                return Ok(());
            }
            let room = argc.saturating_sub(first).div_ceil(step);
            if count == 0 || count > room {
                return Err(KeysError);
            }
            (first, first + (count - 1) * step + 1, step)
        }
        Find::Unknown => return Err(KeysError),
    };
    if end > argc {
        return Err(KeysError);
    }
    // A key without its value (MSET a 1 b) is not to be split off: the call as a whole is wrong.
    if matches!(
        key_spec.find,
        Find::Range {
            last: -1,
            limit: 0,
            ..
        }
    ) && end.saturating_sub(first) % step != 0
    {
        return Err(KeysError);
    }
    // An empty rest is an error, unless an earlier spec found keys and the arity allows it (PFMERGE dest).
    if end <= first {
        return if list.is_empty() {
            Err(KeysError)
        } else {
            Ok(())
        };
    }
    for index in (first..end).step_by(step) {
        list.push(index, key_spec.flags);
    }
    Ok(())
}

/// The argument that is `word` in any case, searched as [`Begin::Keyword`] says.
///
/// A backward search stops before argument 1, which is never an option.
fn find_word(args: Args<'_>, word: &str, from: i8) -> Option<usize> {
    let is_word = |i: &usize| args.arg(*i).eq_ignore_ascii_case(word.as_bytes());
    if from >= 0 {
        (usize::from(from.unsigned_abs())..args.len()).find(is_word)
    } else {
        let start = args.len().checked_sub(usize::from(from.unsigned_abs()))?;
        (2..=start).rev().find(is_word)
    }
}

/// A key count: decimal digits without sign or leading zeros. More than a call can have is not told apart.
fn parse_count(text: &[u8]) -> Option<usize> {
    if text.is_empty() || text.len() > 10 || (text[0] == b'0' && text.len() > 1) {
        return None;
    }
    text.iter().try_fold(0usize, |n, byte| {
        byte.is_ascii_digit()
            .then(|| n * 10 + usize::from(byte - b'0'))
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SortOption {
    Limit,
    Get,
    By,
    Store,
    Other,
}

impl SortOption {
    fn of(word: &[u8]) -> Self {
        match word.len() {
            5 if word.eq_ignore_ascii_case(b"limit") => Self::Limit,
            3 if word.eq_ignore_ascii_case(b"get") => Self::Get,
            2 if word.eq_ignore_ascii_case(b"by") => Self::By,
            5 if word.eq_ignore_ascii_case(b"store") => Self::Store,
            _ => Self::Other,
        }
    }

    /// How many arguments follow it.
    fn values(self) -> usize {
        match self {
            Self::Limit => 2,
            Self::Get | Self::By | Self::Store => 1,
            Self::Other => 0,
        }
    }
}

/// SORT key [.. STORE destination ..]: the last STORE counts.
pub(super) fn sort(args: Args<'_>, list: &mut KeyList) -> Result<(), KeysError> {
    list.push(1, RO.or(ACCESS));
    let mut destination = None;
    let mut i = 2;
    while i < args.len() {
        let option = SortOption::of(args.arg(i));
        if option == SortOption::Store && i + 1 < args.len() {
            destination = Some(i + 1);
        }
        i += 1 + option.values();
    }
    if let Some(index) = destination {
        list.push(index, OW.or(UPDATE));
    }
    Ok(())
}

/// SORT_RO key ..: never stores.
pub(super) fn sort_ro(_: Args<'_>, list: &mut KeyList) -> Result<(), KeysError> {
    list.push(1, RO.or(ACCESS));
    Ok(())
}

/// MIGRATE host port key|"" db timeout [options] [KEYS key ..].
pub(super) fn migrate(args: Args<'_>, list: &mut KeyList) -> Result<(), KeysError> {
    let flags = RW.or(ACCESS).or(DELETE);
    let mut i = 6;
    while i < args.len() {
        let word = args.arg(i);
        if word.eq_ignore_ascii_case(b"keys") {
            // A key in both places is a syntax error, as is KEYS without any.
            if !args.arg(3).is_empty() || i + 1 == args.len() {
                return Err(KeysError);
            }
            (i + 1..args.len()).for_each(|index| list.push(index, flags));
            return Ok(());
        }
        i += 1;
        // A password may be the word KEYS.
        if word.eq_ignore_ascii_case(b"auth") {
            i += 1;
        } else if word.eq_ignore_ascii_case(b"auth2") {
            i += 2;
        }
    }
    list.push(3, flags);
    Ok(())
}

/// GEORADIUS key longitude latitude radius unit [.. STORE|STOREDIST key ..].
pub(super) fn georadius(args: Args<'_>, list: &mut KeyList) -> Result<(), KeysError> {
    geo_store(args, 6, list)
}

/// GEORADIUSBYMEMBER key member radius unit [.. STORE|STOREDIST key ..].
pub(super) fn georadiusbymember(args: Args<'_>, list: &mut KeyList) -> Result<(), KeysError> {
    geo_store(args, 5, list)
}

fn geo_store(args: Args<'_>, options: usize, list: &mut KeyList) -> Result<(), KeysError> {
    list.push(1, RO.or(ACCESS));
    let mut i = options;
    while i + 1 < args.len() {
        let word = args.arg(i);
        if word.eq_ignore_ascii_case(b"store") || word.eq_ignore_ascii_case(b"storedist") {
            list.push(i + 1, OW.or(UPDATE));
            i += 1;
        }
        i += 1;
    }
    Ok(())
}

/// SET key value [..]: with GET the old value is read.
pub(super) fn set(args: Args<'_>, list: &mut KeyList) -> Result<(), KeysError> {
    let reads = (3..args.len()).any(|i| args.arg(i).eq_ignore_ascii_case(b"get"));
    list.push(
        1,
        if reads {
            RW.or(ACCESS).or(UPDATE)
        } else {
            OW.or(UPDATE)
        },
    );
    Ok(())
}

/// BITFIELD key [operation ..]: only GET operations, only reading. In doubt it writes.
pub(super) fn bitfield(args: Args<'_>, list: &mut KeyList) -> Result<(), KeysError> {
    let mut i = 2;
    let mut reads_only = true;
    while i < args.len() {
        let rest = args.len() - i - 1;
        let word = args.arg(i);
        if word.eq_ignore_ascii_case(b"get") && rest >= 2 {
            i += 3;
        } else if word.eq_ignore_ascii_case(b"overflow") && rest >= 1 {
            i += 2;
        } else {
            reads_only = false;
            break;
        }
    }
    list.push(
        1,
        if reads_only {
            RO.or(ACCESS)
        } else {
            RW.or(ACCESS).or(UPDATE)
        },
    );
    Ok(())
}

/// DELEX key [condition value]: with a condition the value is read.
pub(super) fn delex(args: Args<'_>, list: &mut KeyList) -> Result<(), KeysError> {
    list.push(
        1,
        if args.len() > 2 {
            RW.or(ACCESS).or(DELETE)
        } else {
            RM.or(DELETE)
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::lookup::lookup_full;
    use super::*;
    use crate::resp::OwnedArgs;

    fn call(line: &str) -> (&'static CommandSpec, OwnedArgs) {
        let mut args = OwnedArgs::default();
        for word in line.split(' ') {
            args.push(if word == "\"\"" { b"" } else { word.as_bytes() });
        }
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let sub = words.next().map(|word| format!("{name}|{word}"));
        let spec = sub
            .and_then(|full| lookup_full(full.as_bytes()))
            .or_else(|| lookup_full(name.as_bytes()))
            .unwrap_or_else(|| panic!("no command in {line:?}"));
        (spec, args)
    }

    /// `"SET k v => 1:OW,update"`; `!` stands for an error.
    fn check(case: &str) {
        let (line, want) = case.split_once(" => ").unwrap();
        let (spec, args) = call(line);
        let got = match keys(spec, args.as_args()) {
            Err(KeysError) => "!".to_owned(),
            Ok(list) => list
                .iter()
                .map(|key| {
                    let flags: Vec<_> = key.flags.names().collect();
                    format!("{}:{}", key.index, flags.join(","))
                })
                .collect::<Vec<_>>()
                .join(" "),
        };
        assert_eq!(got, want, "{line}");
    }

    #[test]
    fn fixed_positions_and_ranges() {
        check("get k => 1:RO,access");
        check("object encoding k => 2:RO");
        check("del a b c => 1:RM,delete 2:RM,delete 3:RM,delete");
        check("mset a 1 b 2 => 1:OW,update 3:OW,update");
        check("mset a 1 b => !");
        check("blpop a b 0 => 1:RW,access,delete 2:RW,access,delete");
        check("bitop and d a b => 2:OW,update 3:RO,access 4:RO,access");
        check("lcs a b len => 1:RO,access 2:RO,access");
        check("rename a b => 1:RW,access,delete 2:OW,update");
        check("pfmerge d => 1:RW,access,insert");
        check("ping => ");
    }

    #[test]
    fn counted_keys_and_bad_counts() {
        check("eval s 2 a b c => 3:RW,access,update 4:RW,access,update");
        check("eval s 0 c => ");
        check("eval s 3 a b => !");
        check("eval s -1 a => !");
        check("eval s 01 a => !");
        check("zunionstore d 2 a b weights 1 2 => 1:OW,update 3:RO,access 4:RO,access");
        check("zunionstore d 0 a b => !");
        check("lmpop 1 a left => 2:RW,access,delete");
        check("blmpop 0 99999999999 a left => !");
        check("sintercard 18446744073709551617 a b => !");
    }

    #[test]
    fn keywords() {
        check("xread count 2 streams a b 0 0 => 4:RO,access 5:RO,access");
        check("xreadgroup group streams c streams a > => 5:RO,access");
        check("xread count 2 block 0 => ");
    }

    #[test]
    fn own_functions() {
        check("sort k => 1:RO,access");
        check("sort k by store get store limit store store store d => 1:RO,access 10:OW,update");
        check("sort k store a store b => 1:RO,access 5:OW,update");
        check("migrate h 1 k 0 9 auth keys => 3:RW,access,delete");
        check("migrate h 1 \"\" 0 9 copy keys a b => 8:RW,access,delete 9:RW,access,delete");
        check("migrate h 1 k 0 9 copy keys a b => !");
        check("georadius k 1 1 1 km store a storedist b => 1:RO,access 7:OW,update 9:OW,update");
        check("georadius k 1 1 1 km store => 1:RO,access");
        check("set k v => 1:OW,update");
        check("set k v nx GET => 1:RW,access,update");
        check("bitfield k get u8 0 => 1:RO,access");
        check("bitfield k get u8 0 set u8 0 1 => 1:RW,access,update");
    }

    #[test]
    fn split_commands_say_what_belongs_to_a_key() {
        assert_eq!(stride(call("mget a b").0), 1);
        assert_eq!(stride(call("mset a 1").0), 2);
    }

    #[test]
    fn more_keys_than_fit_inline() {
        let line = format!("del {}", vec!["k"; 100].join(" "));
        let (spec, args) = call(&line);
        let list = keys(spec, args.as_args()).unwrap();
        assert_eq!(list.len(), 100);
        assert!(
            list.iter()
                .enumerate()
                .all(|(i, key)| key.index as usize == i + 1)
        );
    }

    #[test]
    fn shard_channels_route_but_are_no_keys() {
        let (spec, args) = call("ssubscribe a b");
        assert!(keys(spec, args.as_args()).unwrap().is_empty());
        assert_eq!(keys_and_channels(spec, args.as_args()).unwrap().len(), 2);
    }

    #[test]
    fn sort_needs_all_only_with_patterns_that_name_keys() {
        let needs = |line: &str| needs_all(call(line).1.as_args());
        assert!(needs("sort k by w_*") && needs("sort k limit 0 1 GET o_*"));
        assert!(!needs("sort k by nosort get # limit get *") && !needs("sort k store by"));
    }

    #[test]
    fn patterns_that_reach_for_other_keys() {
        let first = |line: &str| first_pattern(call(line).1.as_args());
        assert_eq!(first("sort k limit 0 1 by w_* get #"), Some(Pattern::By));
        assert_eq!(first("sort k by nosort asc GET #"), Some(Pattern::Get));
        assert_eq!(first("sort k by"), None);
        assert_eq!(first("sort k what get x"), None);
        assert_eq!(first("sort k store get alpha"), None);
    }

    #[test]
    fn sole_key_agrees_with_the_specs() {
        for spec in super::super::table::all() {
            let single = matches!(spec.key_specs, [one] if one.find == Find::Range { last: 0, step: 1, limit: 0 }
                && !one.flags.has(NOT_KEY));
            assert_eq!(sole_key(spec).is_some(), single, "{spec:?}");
            if let Some(index) = sole_key(spec) {
                assert!(
                    spec.arity.unsigned_abs() as usize > index,
                    "{spec:?} may lack its key"
                );
            }
        }
    }
}
