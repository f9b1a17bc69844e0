//! From the words of a request to the row of the table.
//!
//! A name of up to 24 bytes is read into three machine words and put into lower case eight letters at a time;
//! the words are hashed into an open-addressed index that is built at compile time, and compared as words.
//! Subcommands live in the same index, told apart by their container's id. The budget for a known command is
//! 10 ns: no loop over the name, one multiplication per word, three cache lines.
//!
//! `rename-command` is an overlay: the few renamed or removed names are looked at first, if there are any.

use super::spec::{CommandSpec, flag};
use super::table::{self, COUNT};
use crate::resp::{Args, CommandError};

/// Longest name or subcommand word that the index can hold.
const NAME_BYTES_MAX: usize = 24;
/// Slots of an index: at most a quarter used, so that probes are short.
const SLOTS: usize = 2048;
const _: () = assert!(COUNT * 4 <= SLOTS, "the command index is getting full");

/// The command called `name`, in any case; `None` if it is unknown here.
#[inline]
pub fn lookup(name: &[u8]) -> Option<&'static CommandSpec> {
    SERVER.find(name, NO_CONTAINER)
}

/// The subcommand of `container` called `word`, in any case.
#[inline]
pub fn lookup_sub(container: &CommandSpec, word: &[u8]) -> Option<&'static CommandSpec> {
    SERVER.find(word, container.id)
}

/// The command with this full name, `get` or `client|list`, in any case.
pub fn lookup_full(name: &[u8]) -> Option<&'static CommandSpec> {
    Lookup::default().full(name)
}

/// What the first words of a request name.
#[derive(Clone, Copy, Debug)]
pub enum Resolved {
    /// This command or subcommand.
    Command(&'static CommandSpec),
    /// No command.
    UnknownCommand,
    /// The container is known, the word after it is not.
    UnknownSubcommand(&'static CommandSpec),
}

/// The names that are valid on this server: the table's, less and plus what `rename-command` says.
///
/// Built once at start; lookups cost nothing extra while nothing is renamed.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    mode: Mode,
    /// Lower-case name to what it means now; `None` for a name that was taken away. Sorted by name.
    overlay: Vec<(Vec<u8>, Option<&'static CommandSpec>)>,
}

/// What kind of server the names are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A data server.
    #[default]
    Server,
    /// A sentinel, which knows few commands.
    Sentinel,
}

/// Why a `rename-command` line cannot be followed. The texts are the server's own at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameError {
    /// There is no command with the old name.
    NoSuchCommand,
    /// The new name is taken.
    NameExists,
}

impl std::fmt::Display for RenameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoSuchCommand => "No such command in rename-command",
            Self::NameExists => "Target command name already exists",
        })
    }
}

impl Lookup {
    /// The names of a server of this kind, nothing renamed.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            overlay: Vec::new(),
        }
    }

    /// Gives the command `from` the name `to`; an empty `to` takes it away. Containers keep their subcommands.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), RenameError> {
        let spec = self.get(from).ok_or(RenameError::NoSuchCommand)?;
        let is_same = from.eq_ignore_ascii_case(to);
        if !to.is_empty() && !is_same && self.get(to).is_some() {
            return Err(RenameError::NameExists);
        }
        self.set(from, None);
        if !to.is_empty() {
            self.set(to, Some(spec));
        }
        Ok(())
    }

    fn set(&mut self, name: &[u8], meaning: Option<&'static CommandSpec>) {
        let name = name.to_ascii_lowercase();
        match self.overlay.binary_search_by(|(known, _)| known.cmp(&name)) {
            Ok(at) => self.overlay[at].1 = meaning,
            Err(at) => self.overlay.insert(at, (name, meaning)),
        }
    }

    /// The command called `name`, in any case.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<&'static CommandSpec> {
        if !self.overlay.is_empty()
            && let Some(meaning) = self.renamed(name)
        {
            return meaning;
        }
        self.index().find(name, NO_CONTAINER)
    }

    #[cold]
    fn renamed(&self, name: &[u8]) -> Option<Option<&'static CommandSpec>> {
        let name = name.to_ascii_lowercase();
        let at = self
            .overlay
            .binary_search_by(|(known, _)| known.cmp(&name))
            .ok()?;
        Some(self.overlay[at].1)
    }

    /// The subcommand of `container` called `word`, in any case.
    #[inline]
    pub fn sub(&self, container: &CommandSpec, word: &[u8]) -> Option<&'static CommandSpec> {
        self.index().find(word, container.id)
    }

    /// The command with this full name, `get` or `client|list`.
    pub fn full(&self, name: &[u8]) -> Option<&'static CommandSpec> {
        match name.iter().position(|byte| *byte == b'|') {
            None => self.get(name),
            Some(bar) => self.sub(self.get(&name[..bar])?, &name[bar + 1..]),
        }
    }

    /// What the request means. A container alone is itself: it runs, or its arity is not met.
    #[inline]
    pub fn resolve(&self, args: Args<'_>) -> Resolved {
        let Some(spec) = self.get(args.arg(0)) else {
            return Resolved::UnknownCommand;
        };
        if !spec.is_container() || args.len() == 1 {
            return Resolved::Command(spec);
        }
        match self.sub(spec, args.arg(1)) {
            Some(sub) => Resolved::Command(sub),
            None => Resolved::UnknownSubcommand(spec),
        }
    }

    /// The command that the request calls, checked as far as the table can: it exists, the number of
    /// arguments is right, and it is built.
    #[inline]
    pub fn command(&self, args: Args<'_>) -> Result<&'static CommandSpec, CommandError> {
        match self.resolve(args) {
            Resolved::Command(spec) if spec.accepts(args.len()) && !spec.run.is_not_built() => {
                Ok(spec)
            }
            refused => Err(refusal(refused, args)),
        }
    }

    /// Every command (no subcommands) that some name leads to, in table order.
    pub fn commands(&self) -> impl Iterator<Item = &'static CommandSpec> {
        table::all()
            .iter()
            .filter(|spec| spec.container.is_none() && self.reaches(spec))
    }

    /// The known subcommands of a container.
    pub fn subcommands(
        &self,
        container: &CommandSpec,
    ) -> impl Iterator<Item = &'static CommandSpec> + Clone {
        let mode = self.mode;
        container
            .subcommands()
            .iter()
            .filter(move |spec| mode.has(spec))
    }

    fn reaches(&self, spec: &'static CommandSpec) -> bool {
        self.mode.has(spec)
            && (self.overlay.is_empty()
                || self
                    .get(spec.name.as_bytes())
                    .is_some_and(|found| found.id == spec.id)
                || self
                    .overlay
                    .iter()
                    .any(|(_, to)| to.is_some_and(|to| to.id == spec.id)))
    }

    #[inline]
    fn index(&self) -> &'static Index {
        match self.mode {
            Mode::Server => &SERVER,
            Mode::Sentinel => &SENTINEL,
        }
    }
}

/// The name that was looked up last and what it led to. Remembered by whoever looks up, since names are shared.
#[derive(Debug, Default)]
pub struct Recent {
    word: u64,
    len: usize,
    spec: Option<&'static CommandSpec>,
}

impl Recent {
    /// The command called `name`, in any case. Must always be asked with the same `names`.
    #[inline]
    pub fn get(&mut self, names: &Lookup, name: &[u8]) -> Option<&'static CommandSpec> {
        if name.len() > 8 || name.is_empty() {
            return names.get(name);
        }
        let word = partial(name);
        if word != self.word || name.len() != self.len {
            *self = Recent {
                word,
                len: name.len(),
                spec: names.get(name),
            };
        }
        self.spec
    }
}

#[cold]
fn refusal(resolved: Resolved, args: Args<'_>) -> CommandError {
    match resolved {
        Resolved::UnknownCommand => CommandError::unknown_command(args),
        Resolved::UnknownSubcommand(container) => {
            CommandError::unknown_subcommand(container.name, args.arg(1))
        }
        Resolved::Command(spec) if !spec.accepts(args.len()) => {
            CommandError::wrong_arity(spec.name)
        }
        Resolved::Command(spec) => CommandError::owned(format!(
            "ERR command '{}' is not built yet in this version of Tessera",
            spec.name
        )),
    }
}

impl Mode {
    const fn has(self, spec: &CommandSpec) -> bool {
        spec.is_known()
            && match self {
                Self::Server => !spec.flags.has(flag::ONLY_SENTINEL),
                Self::Sentinel => spec.flags.has(flag::SENTINEL),
            }
    }
}

/// The container id of commands that are in none.
const NO_CONTAINER: u16 = u16::MAX;

/// A name as words: little endian, lower case, padded with zeroes.
#[derive(Clone, Copy)]
struct Name {
    words: [u64; 3],
    len: u16,
    container: u16,
}

/// Hash slots; 0 is empty, else id + 1. Collisions go to the next slot.
struct Index {
    slots: [u16; SLOTS],
}

/// Name of each row, by id; a copy for the compiler to build the indexes from, one for lookups.
static NAMES: [Name; COUNT] = NAMES_CONST;
static SERVER: Index = Index::build(Mode::Server);
static SENTINEL: Index = Index::build(Mode::Sentinel);

impl Index {
    #[inline]
    fn find(&self, name: &[u8], container: u16) -> Option<&'static CommandSpec> {
        let words = fold(name)?;
        let mut slot = slot_of(words, container);
        loop {
            let entry = self.slots[slot];
            if entry == 0 {
                return None;
            }
            let id = usize::from(entry - 1);
            let known = &NAMES[id];
            if known.words == words
                && usize::from(known.len) == name.len()
                && known.container == container
            {
                return Some(&table::all()[id]);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    const fn build(mode: Mode) -> Self {
        let mut slots = [0; SLOTS];
        let mut id = 0;
        while id < COUNT {
            if mode.has(&table::CONST_TABLE[id]) {
                let name = &NAMES_CONST[id];
                let mut slot = slot_of(name.words, name.container);
                while slots[slot] != 0 {
                    slot = (slot + 1) % SLOTS;
                }
                slots[slot] = id as u16 + 1;
            }
            id += 1;
        }
        Self { slots }
    }
}

const NAMES_CONST: [Name; COUNT] = names();

const fn names() -> [Name; COUNT] {
    let mut names = [Name {
        words: [0; 3],
        len: 0,
        container: 0,
    }; COUNT];
    let mut id = 0;
    while id < COUNT {
        let spec = &table::CONST_TABLE[id];
        let word = spec.word.as_bytes();
        assert!(
            word.len() <= NAME_BYTES_MAX,
            "a name is longer than the index can hold"
        );
        let mut i = 0;
        while i < word.len() {
            assert!(
                !word[i].is_ascii_uppercase(),
                "names are written in lower case"
            );
            names[id].words[i / 8] |= (word[i] as u64) << (8 * (i % 8));
            i += 1;
        }
        names[id].len = word.len() as u16;
        names[id].container = match spec.container {
            Some(container) => container,
            None => NO_CONTAINER,
        };
        id += 1;
    }
    names
}

/// A sum of products with odd constants: independent multiplications, and the top bits, which are taken,
/// depend on all letters.
#[inline]
const fn slot_of(words: [u64; 3], container: u16) -> usize {
    const K: [u64; 4] = [
        0x9E37_79B9_7F4A_7C15,
        0xC2B2_AE3D_27D4_EB4F,
        0xD6E8_FEB8_6659_FD93,
        0xA076_1D64_78BD_642F,
    ];
    let hash = words[0]
        .wrapping_mul(K[0])
        .wrapping_add(words[1].wrapping_mul(K[1]))
        .wrapping_add(words[2].wrapping_mul(K[2]))
        .wrapping_add((container as u64).wrapping_mul(K[3]));
    (hash >> (64 - SLOTS.trailing_zeros())) as usize
}

/// The name as zero-padded lower-case words; `None` if no command has a name that long, or it is empty.
#[inline]
fn fold(name: &[u8]) -> Option<[u64; 3]> {
    let len = name.len();
    let words = match len {
        1..=8 => [partial(name), 0, 0],
        9..=16 => [whole(name), partial(&name[8..]), 0],
        17..=NAME_BYTES_MAX => [whole(name), whole(&name[8..]), partial(&name[16..])],
        _ => return None,
    };
    Some([lower(words[0]), lower(words[1]), lower(words[2])])
}

/// The first eight bytes.
#[inline]
fn whole(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

/// One to eight bytes, zero padded. Reads that overlap say the same, so they may be or-ed.
#[inline]
fn partial(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if let Some(chunk) = bytes.first_chunk() {
        return u64::from_le_bytes(*chunk);
    }
    if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
        return u64::from(head) | u64::from(tail) << (8 * (len - 4));
    }
    match bytes {
        [a, b, c] => u64::from(*a) | u64::from(*b) << 8 | u64::from(*c) << 16,
        [a, b] => u64::from(*a) | u64::from(*b) << 8,
        [a] => u64::from(*a),
        _ => 0,
    }
}

/// ASCII lower case of eight letters at once: bit 7 of each byte is made to say "is A to Z", then moved to bit 5.
#[inline]
const fn lower(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let low = word & (ONES * 0x7f);
    let above_z = low + ONES * (0x7f - b'Z' as u64);
    let from_a = low + ONES * (0x80 - b'A' as u64);
    let is_upper = (from_a ^ above_z) & !word & (ONES * 0x80);
    word | is_upper >> 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    #[test]
    fn every_known_name_leads_to_its_row_and_back() {
        for spec in table::all() {
            let found = match spec.container {
                None => lookup(spec.name.to_ascii_uppercase().as_bytes()),
                Some(id) => lookup_sub(table::by_id(id), spec.word.to_ascii_uppercase().as_bytes()),
            };
            let is_here = Mode::Server.has(spec);
            assert_eq!(
                found.map(|found| found.id),
                is_here.then_some(spec.id),
                "{spec:?}"
            );
            if is_here {
                assert_eq!(
                    lookup_full(spec.name.as_bytes()).map(|found| found.id),
                    Some(spec.id)
                );
            }
        }
    }

    #[test]
    fn names_that_only_look_alike_are_unknown() {
        for name in [
            "",
            "ge",
            "gets",
            "get\0",
            "\0get",
            "client|list",
            "[et",
            "georadiusbymember_rw",
            "g\u{47}\u{74}",
        ] {
            assert!(lookup(name.as_bytes()).is_none(), "{name:?}");
        }
        assert!(lookup(&[b'g'; 25]).is_none());
        assert!(lookup(b"list").is_none(), "a subcommand's word alone");
        assert!(lookup_full(b"client|list|x").is_none());
    }

    #[test]
    fn probes_are_short() {
        let probes: Vec<_> = NAMES
            .iter()
            .enumerate()
            .filter(|(id, _)| Mode::Server.has(&table::all()[*id]))
            .map(|(id, name)| {
                let home = slot_of(name.words, name.container);
                let found =
                    (0..SLOTS).find(|i| usize::from(SERVER.slots[(home + i) % SLOTS]) == id + 1);
                found.unwrap()
            })
            .collect();
        assert!(
            probes.iter().max() <= Some(&4),
            "longest {:?}",
            probes.iter().max()
        );
        assert!(
            probes.iter().sum::<usize>() * 4 < probes.len(),
            "{probes:?}"
        );
    }

    #[test]
    fn folding_equals_the_plain_way() {
        let bytes: Vec<u8> = (0..=255).collect();
        for len in 1..=NAME_BYTES_MAX {
            for start in 0..256 - len {
                let name = &bytes[start..start + len];
                let mut plain = [0u8; 24];
                plain[..len].copy_from_slice(&name.to_ascii_lowercase());
                let words = fold(name).unwrap();
                let got: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                assert_eq!(got, plain, "{name:?}");
            }
        }
    }

    #[test]
    fn renames_move_and_remove_names() {
        let mut names = Lookup::default();
        assert_eq!(
            names.rename(b"nosuch", b"x"),
            Err(RenameError::NoSuchCommand)
        );
        assert_eq!(names.rename(b"GET", b"set"), Err(RenameError::NameExists));
        names.rename(b"CONFIG", b"Secret").unwrap();
        names.rename(b"flushall", b"").unwrap();
        assert!(names.get(b"config").is_none() && names.get(b"FLUSHALL").is_none());
        assert_eq!(names.get(b"SECRET").unwrap().name, "config");
        assert_eq!(names.full(b"secret|get").unwrap().name, "config|get");
        assert_eq!(names.get(b"get").unwrap().name, "get");
        // A freed name may be used again.
        names.rename(b"get", b"flushall").unwrap();
        assert_eq!(names.get(b"flushall").unwrap().name, "get");
        let listed: Vec<_> = names.commands().map(|spec| spec.name).collect();
        assert!(
            listed.contains(&"config") && listed.contains(&"get") && !listed.contains(&"flushall")
        );
    }

    #[test]
    fn requests_resolve_to_commands_and_subcommands() {
        let resolve = |line: &str| {
            let mut args = OwnedArgs::default();
            line.split(' ').for_each(|word| args.push(word.as_bytes()));
            match Lookup::default().resolve(args.as_args()) {
                Resolved::Command(spec) => spec.name,
                Resolved::UnknownCommand => "?",
                Resolved::UnknownSubcommand(_) => "? ?",
            }
        };
        assert_eq!(resolve("Get k"), "get");
        assert_eq!(resolve("CLIENT LIST"), "client|list");
        assert_eq!(resolve("client"), "client");
        assert_eq!(resolve("client nope"), "? ?");
        assert_eq!(resolve("nope"), "?");
    }

    #[test]
    fn refusals_say_why() {
        let refusal = |line: &str| {
            let mut args = OwnedArgs::default();
            line.split(' ').for_each(|word| args.push(word.as_bytes()));
            Lookup::default()
                .command(args.as_args())
                .unwrap_err()
                .to_string()
        };
        assert!(refusal("nope a").starts_with("ERR unknown command 'nope', with args"));
        assert!(refusal("client nope").starts_with("ERR unknown subcommand 'nope'. Try CLIENT"));
        assert_eq!(
            refusal("client"),
            "ERR wrong number of arguments for 'client' command"
        );
        assert_eq!(
            refusal("CLIENT KILL"),
            "ERR wrong number of arguments for 'client|kill' command"
        );
        // FAILOVER stays unbuilt the longest.
        assert_eq!(
            refusal("failover"),
            "ERR command 'failover' is not built yet in this version of Tessera"
        );
    }

    #[test]
    fn sentinels_know_their_own_commands() {
        let names = Lookup::new(Mode::Sentinel);
        assert!(names.get(b"sentinel").is_some() && names.get(b"ping").is_some());
        assert!(names.get(b"get").is_none() && lookup(b"sentinel").is_none());
    }
}
