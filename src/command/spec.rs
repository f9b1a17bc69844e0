//! The row type of the command table: everything the server knows of a command, as data.
//!
//! Dispatch, arity checks, ACL, `COMMAND`, key extraction, cluster and shard routing, statistics and the
//! tests all read these rows; nobody else matches on a command's name. Rows are written in `table/`, one
//! file per group, with the small builder `row`; `table` lays them out as one flat array, in
//! which a container (`CLIENT`) is followed by its subcommands (`CLIENT|LIST`). The index in that array
//! is the command's [`id`](CommandSpec::id).
//!
//! What can be derived is not written: the ACL categories that follow from group and flags, the
//! movablekeys flag, the first/last/step triple of older clients, whether the command is known here.
//!
//! Invariants
//!   1. `table::all()[spec.id] == spec`; ids are dense.
//!   2. A row is a container exactly if it has subcommands; containers do not nest.
//!   3. `sole_key != 0` means: every call that passes the arity check has exactly one key, there.

use super::acl::{self, Categories};
use super::bits::bits;
use super::ctx::{Ctx, Flow, HomeCtx};
use super::keys::OwnKeys;
use super::table;
use crate::resp::{Args, CommandError, Reply};

bits! {
    /// What a command does and where it may run. The text is what COMMAND INFO prints.
    pub struct Flags(u64) in flag {
        /// Changes the keyspace.
        WRITE "write",
        /// Only reads the keyspace.
        READONLY "readonly",
        /// Refused when memory is over the limit and nothing can be evicted.
        DENYOOM "denyoom",
        /// For the operator.
        ADMIN "admin",
        /// About publish/subscribe.
        PUBSUB "pubsub",
        /// Not to be called by scripts.
        NOSCRIPT "noscript",
        /// May wait.
        BLOCKING "blocking",
        /// Allowed while the data set is being loaded.
        LOADING "loading",
        /// Allowed on a replica whose data may be old.
        STALE "stale",
        /// Not shown to MONITOR.
        SKIP_MONITOR "skip_monitor",
        /// Not recorded by SLOWLOG.
        SKIP_SLOWLOG "skip_slowlog",
        /// Acts as if ASKING had been sent before it.
        ASKING "asking",
        /// O(1), or close to it.
        FAST "fast",
        /// Allowed before authentication.
        NO_AUTH "no_auth",
        /// Moves no data, but changes what replicas must learn.
        MAY_REPLICATE "",
        /// Exists in sentinel mode too.
        SENTINEL "",
        /// Exists in sentinel mode only.
        ONLY_SENTINEL "",
        /// Calls without any key are right.
        NO_MANDATORY_KEYS "no_mandatory_keys",
        /// Needs `enable-debug-command` or `enable-module-command`.
        PROTECTED "",
        /// Refused while a data set is loaded in the background.
        NO_ASYNC_LOADING "no_async_loading",
        /// Refused inside MULTI.
        NO_MULTI "no_multi",
        /// The first/last/step triple does not tell all keys. Derived.
        MOVABLEKEYS "movablekeys",
        /// Allowed while a script runs too long.
        ALLOW_BUSY "allow_busy",
        /// May touch keys that its arguments do not name.
        TOUCHES_ARBITRARY_KEYS "",
        /// Works on all databases.
        ALL_DBS "",
        /// Runs inside MULTI instead of being queued. Not a flag of Redis.
        RUNS_IN_MULTI "",
        /// At home, but only when everything before it is answered. Not a flag of Redis.
        AFTER_REPLIES "",
        /// Allowed to RESP2 clients that have subscriptions. Not a flag of Redis.
        WHILE_SUBSCRIBED "",
        /// Runs what MULTI queued: refused, it takes the transaction with it. Not a flag of Redis.
        RUNS_QUEUE "",
        /// Empties all databases: a save is made of it at once. Not a flag of Redis.
        EMPTIES_ALL "",
        /// Refused inside MULTI, though not in Redis. Not a flag of Redis.
        NOT_QUEUED "",
        /// May still change or go.
        EXPERIMENTAL "experimental",
        /// Between servers, or for testing: not for applications. Told by COMMAND DOCS only.
        SYSCMD "",
    }
}

bits! {
    /// How a command uses a key. The text is what COMMAND INFO and GETKEYSANDFLAGS print.
    pub struct KeyFlags(u16) in key_flag {
        /// Reads the value, never changes it.
        RO "RO",
        /// Reads and changes the value.
        RW "RW",
        /// Overwrites the value whatever it was.
        OW "OW",
        /// Removes the key.
        RM "RM",
        /// Returns, copies or depends on the user's data (not just on its size or type).
        ACCESS "access",
        /// Changes data that may have been there.
        UPDATE "update",
        /// Adds data, changes none.
        INSERT "insert",
        /// Deletes data.
        DELETE "delete",
        /// Not a key, but routed like one (shard channels).
        NOT_KEY "not_key",
        /// There may be further keys that the specs do not find.
        INCOMPLETE "incomplete",
        /// The other flags depend on the arguments.
        VARIABLE_FLAGS "variable_flags",
    }
}

/// Where a key spec starts to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(u8),
    /// After this word, searched from argument `from` on (negative: from the end, backwards).
    Keyword(&'static str, i8),
    /// Cannot be said; the row has its own function.
    Unknown,
}

/// Which arguments from the beginning on are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Every `step`-th up to `last`, which counts from the beginning, or, if negative, from the end
    /// of the arguments. A `limit` of 2 takes half of what is left.
    Range {
        /// Last key.
        last: i8,
        /// Distance between keys.
        step: u8,
        /// 0, or the part of the rest to take.
        limit: u8,
    },
    /// An argument holds the number of keys. All positions count from the beginning.
    KeyNum {
        /// Where the number is.
        index: u8,
        /// Where the first key is.
        first: u8,
        /// Distance between keys.
        step: u8,
    },
    /// Cannot be said; the row has its own function.
    Unknown,
}

/// One rule that finds keys among a command's arguments.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// Where to start.
    pub begin: Begin,
    /// How to go on.
    pub find: Find,
    /// How the keys are used.
    pub flags: KeyFlags,
    /// A remark for readers of COMMAND INFO.
    pub notes: Option<&'static str>,
}

/// Which arguments are channels, for access control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// None, or only such as the client listens to already.
    None,
    /// Argument 1 is a channel to publish in.
    Publish,
    /// All arguments are channels to listen to.
    Subscribe,
    /// All arguments are patterns of channels to listen to.
    SubscribePatterns,
}

/// The documentation group of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are the documentation's own group names"
)]
pub enum Group {
    Array,
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    HyperLogLog,
    List,
    PubSub,
    Scripting,
    Sentinel,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Group {
    /// The name as COMMAND DOCS prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Bitmap => "bitmap",
            Self::Cluster => "cluster",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::HyperLogLog => "hyperloglog",
            Self::List => "list",
            Self::PubSub => "pubsub",
            Self::Scripting => "scripting",
            Self::Sentinel => "sentinel",
            Self::Server => "server",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
    }
}

/// Which project a command comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Project {
    /// Redis and Valkey have it.
    Both,
    /// Redis only.
    Redis,
    /// Valkey only.
    Valkey,
}

/// How far a client may rely on a command being there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Part of Redis 7.2: known to clients of the version we report, built or not.
    Base,
    /// Came later: unknown to clients until it is built.
    Newer,
}

/// Where a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// At the client's core, on the session.
    Home,
    /// Where its keys are. Keys on several shards: under a PARK fence. No keys: at home's own shard.
    Keys,
    /// Where its declared keys are, like [`Route::Keys`], but it may reach for others while it runs.
    Script,
    /// Each key stands for itself: ONE_SHOT parts of the same command, each with its shard's keys
    /// (and the arguments that belong to each key).
    Split(Merge),
    /// As `Split`, but the parts first agree whether to do it at all.
    Vote(Merge),
    /// One part on every shard.
    All(Merge),
    /// May touch keys that its arguments do not name: if [`super::keys::needs_all`] says so, under a
    /// PARK fence over all shards; else like [`Route::Keys`].
    ParkAll,
    /// The shard of the cursor's slot; the cursor is argument 1.
    Cursor,
    /// The shard of the slot whose number is this argument.
    Slot(u8),
    /// The shard that owns the channel in argument 1 and so fixes the order of its messages.
    Channel,
    /// Any shard that has a key.
    AnyShard,
    /// ONE_SHOT parts that bind this session's watch flag to their keys.
    Watch,
}

/// How the replies of a command's parts become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Array elements in the order of the keys in the request.
    Interleave,
    /// The sum of integers.
    Sum,
    /// All parts say the same: the first reply, or the first error.
    FirstOk,
    /// Arrays one after the other.
    Concat,
}

/// A command that runs on the shard that owns its keys.
pub type StoreFn = for<'a> fn(&mut Ctx<'a>, Args<'_>) -> Result<Flow, CommandError>;
/// A command that runs on its client's core.
pub type HomeFn = for<'a> fn(&mut HomeCtx<'a>, Args<'_>) -> Result<Flow, CommandError>;

/// Answers a call that depends on nothing but its arguments, for a client that nothing is special about. False, and
/// nothing is written, if the call has to be run.
pub type AnswerFn = fn(Args<'_>, &mut Reply<'_>) -> bool;

/// Positions of secret arguments in a call.
pub type Secrets = fn(Args<'_>) -> Vec<usize>;

/// What runs when the command is called.
#[derive(Clone, Copy)]
pub enum Run {
    /// Nothing yet.
    NotBuilt,
    /// Only its subcommands run.
    Container,
    /// This, at the owner.
    Store(StoreFn),
    /// This, at home.
    Home(HomeFn),
}

impl Run {
    /// True for [`Run::NotBuilt`].
    pub const fn is_not_built(self) -> bool {
        matches!(self, Self::NotBuilt)
    }
}

/// One command or subcommand.
#[derive(Clone, Copy)]
pub struct CommandSpec {
    /// Dense number over all commands and subcommands, stable while the process lives.
    pub id: u16,
    /// Full name in lower case; a subcommand's is `container|word`.
    pub name: &'static str,
    /// The last word of the name: what the client sends.
    pub word: &'static str,
    /// The container's id, if this is a subcommand.
    pub container: Option<u16>,
    /// Documentation group.
    pub group: Group,
    /// First version that has it (the older of the projects').
    pub since: &'static str,
    /// Version that deprecated it.
    pub deprecated_since: Option<&'static str>,
    /// What to use instead.
    pub replaced_by: Option<&'static str>,
    /// Number of arguments with the name; negative: at least that many.
    pub arity: i16,
    /// What it does and where it may run.
    pub flags: Flags,
    /// Its ACL categories.
    pub acl: Categories,
    /// How to find its keys.
    pub key_specs: &'static [KeySpec],
    /// First, last and step of the keys, for clients that know no specs. Zeroes: no keys, or not so simple.
    pub key_range: (i16, i16, i16),
    /// The argument that is always the only key; 0: no such argument.
    pub sole_key: u8,
    /// Finds keys where specs cannot; takes the specs' place.
    pub own_keys: Option<OwnKeys>,
    /// Which arguments are channels.
    pub channels: Channels,
    /// Hints for cluster-aware clients, as COMMAND INFO prints them.
    pub tips: &'static [&'static str],
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What it costs.
    pub complexity: &'static str,
    /// Its arguments in the notation of the documentation; `docs.rs` turns it into a tree.
    pub syntax: &'static str,
    /// Whose command it is.
    pub project: Project,
    /// How far clients rely on it.
    pub tier: Tier,
    /// Where it runs.
    pub route: Route,
    /// Which arguments are secret: neither MONITOR nor the slow log shows them.
    pub secrets: Option<Secrets>,
    /// What runs.
    pub run: Run,
    /// The short way to the same answer.
    pub answer: Option<AnswerFn>,
    subcommands: (u16, u16),
    known: bool,
}

impl CommandSpec {
    /// Its subcommands; empty if it is no container. Includes those that are not known here.
    pub fn subcommands(&self) -> &'static [CommandSpec] {
        let (first, count) = self.subcommands;
        &table::all()[usize::from(first)..usize::from(first + count)]
    }

    /// True if it has subcommands. It may still run by itself, as COMMAND does.
    #[inline]
    pub const fn is_container(&self) -> bool {
        self.subcommands.1 != 0
    }

    /// True if clients may know of it: it is built, or belongs to the version that we report.
    #[inline]
    pub const fn is_known(&self) -> bool {
        self.known
    }

    /// True if `argc` arguments, the name included, are neither too few nor too many.
    #[inline]
    pub const fn accepts(&self, argc: usize) -> bool {
        if self.arity >= 0 {
            argc == self.arity as usize
        } else {
            argc >= self.arity.unsigned_abs() as usize
        }
    }

    /// True if a call can have keys.
    pub fn has_keys(&self) -> bool {
        self.own_keys.is_some()
            || self
                .key_specs
                .iter()
                .any(|spec| !spec.flags.has(key_flag::NOT_KEY))
    }
}

impl std::fmt::Debug for CommandSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CommandSpec({})", self.name)
    }
}

/// A row as it is written: a command and the rows of its subcommands.
#[derive(Clone, Copy)]
pub(super) struct Row {
    spec: CommandSpec,
    subcommands: &'static [Row],
}

/// Starts a row. `arity` counts the name; negative means at least that many.
pub(super) const fn row(name: &'static str, group: Group, since: &'static str, arity: i16) -> Row {
    Row {
        spec: CommandSpec {
            id: 0,
            name,
            word: last_word(name),
            container: None,
            group,
            since,
            deprecated_since: None,
            replaced_by: None,
            arity,
            flags: Flags::NONE,
            acl: Categories::NONE,
            key_specs: &[],
            key_range: (0, 0, 0),
            sole_key: 0,
            own_keys: None,
            channels: Channels::None,
            tips: &[],
            summary: "",
            complexity: "",
            syntax: "",
            project: Project::Both,
            tier: Tier::Base,
            route: Route::Home,
            secrets: None,
            run: Run::NotBuilt,
            answer: None,
            subcommands: (0, 0),
            known: true,
        },
        subcommands: &[],
    }
}

impl Row {
    pub(super) const fn flags(mut self, flags: &[Flags]) -> Self {
        self.spec.flags = Flags::of(flags);
        self
    }

    /// Categories beyond those that follow from group and flags.
    pub(super) const fn acl(mut self, categories: &[Categories]) -> Self {
        self.spec.acl = Categories::of(categories);
        self
    }

    pub(super) const fn keys(mut self, specs: &'static [KeySpec]) -> Self {
        self.spec.key_specs = specs;
        self
    }

    pub(super) const fn own_keys(mut self, find: OwnKeys) -> Self {
        self.spec.own_keys = Some(find);
        self
    }

    pub(super) const fn channels(mut self, channels: Channels) -> Self {
        self.spec.channels = channels;
        self
    }

    pub(super) const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.spec.tips = tips;
        self
    }

    pub(super) const fn docs(mut self, summary: &'static str, complexity: &'static str) -> Self {
        self.spec.summary = summary;
        self.spec.complexity = complexity;
        self
    }

    pub(super) const fn syntax(mut self, syntax: &'static str) -> Self {
        self.spec.syntax = syntax;
        self
    }

    pub(super) const fn deprecated(mut self, since: &'static str, use_: &'static str) -> Self {
        self.spec.deprecated_since = Some(since);
        self.spec.replaced_by = Some(use_);
        self
    }

    /// Marks a command that is not part of Redis 7.2.
    pub(super) const fn newer(mut self, project: Project) -> Self {
        self.spec.project = project;
        self.spec.tier = Tier::Newer;
        self
    }

    pub(super) const fn subcommands(mut self, rows: &'static [Row]) -> Self {
        self.subcommands = rows;
        self
    }

    /// Where the command runs, and what runs there.
    pub(super) const fn secrets(mut self, find: Secrets) -> Self {
        self.spec.secrets = Some(find);
        self
    }

    pub(super) const fn runs(mut self, route: Route, run: Run) -> Self {
        self.spec.route = route;
        self.spec.run = run;
        self
    }

    pub(super) const fn answers(mut self, answer: AnswerFn) -> Self {
        self.spec.answer = Some(answer);
        self
    }

    pub(super) const fn subcommand_rows(&self) -> &'static [Row] {
        self.subcommands
    }

    /// The finished spec: derived fields filled in, placed at `id`, subcommands following it.
    pub(super) const fn place(&self, id: u16, container: Option<u16>) -> CommandSpec {
        let mut spec = self.spec;
        let count = self.subcommands.len();
        spec.id = id;
        spec.container = container;
        spec.subcommands = (id + 1, count as u16);
        let implied = acl::implied(spec.group, spec.flags, count != 0);
        spec.acl = spec.acl.or(implied);
        let (key_range, is_movable) = key_range(spec.key_specs);
        spec.key_range = key_range;
        if is_movable {
            spec.flags = spec.flags.or(flag::MOVABLEKEYS);
        }
        spec.sole_key = sole_key(spec.key_specs);
        spec.known = self.is_known();
        assert!(
            spec.name.len() == spec.word.len() || container.is_some(),
            "'|' in a command's name"
        );
        assert!(count == 0 || container.is_none(), "containers do not nest");
        assert!(
            !matches!(spec.run, Run::Container) || count != 0,
            "a container without subcommands"
        );
        assert!(!spec.summary.is_empty(), "a row without a summary");
        spec
    }

    /// Built, or part of the version that we report. A newer container is known with its first subcommand.
    const fn is_known(&self) -> bool {
        if matches!(self.spec.tier, Tier::Base) {
            return true;
        }
        match self.spec.run {
            Run::NotBuilt => false,
            Run::Store(_) | Run::Home(_) => true,
            Run::Container => {
                let mut i = 0;
                while i < self.subcommands.len() {
                    if self.subcommands[i].is_known() {
                        return true;
                    }
                    i += 1;
                }
                false
            }
        }
    }
}

/// One key, argument `index`.
pub(super) const fn at(index: u8, flags: &[KeyFlags]) -> KeySpec {
    range(index, 0, 1, flags)
}

/// Keys from argument `first`, every `step`-th, up to `last` (see [`Find::Range`]).
pub(super) const fn range(first: u8, last: i8, step: u8, flags: &[KeyFlags]) -> KeySpec {
    key_spec(
        Begin::Index(first),
        Find::Range {
            last,
            step,
            limit: 0,
        },
        flags,
    )
}

/// As many keys as argument `index` says, starting right after it, every `step`-th.
pub(super) const fn counted(index: u8, step: u8, flags: &[KeyFlags]) -> KeySpec {
    key_spec(
        Begin::Index(index),
        Find::KeyNum {
            index: 0,
            first: 1,
            step,
        },
        flags,
    )
}

/// Keys after the word `word`, which is searched from argument `from` on.
pub(super) const fn after(word: &'static str, from: i8, find: Find, flags: &[KeyFlags]) -> KeySpec {
    key_spec(Begin::Keyword(word, from), find, flags)
}

/// Keys that no spec can describe.
pub(super) const fn unknown(flags: &[KeyFlags]) -> KeySpec {
    key_spec(Begin::Unknown, Find::Unknown, flags)
}

const fn key_spec(begin: Begin, find: Find, flags: &[KeyFlags]) -> KeySpec {
    KeySpec {
        begin,
        find,
        flags: KeyFlags::of(flags),
        notes: None,
    }
}

impl KeySpec {
    pub(super) const fn notes(mut self, notes: &'static str) -> Self {
        self.notes = Some(notes);
        self
    }
}

/// `word` of `container|word`, or the whole name.
const fn last_word(name: &'static str) -> &'static str {
    let mut i = 0;
    while i < name.len() {
        if name.as_bytes()[i] == b'|' {
            return name.split_at(i + 1).1;
        }
        i += 1;
    }
    name
}

/// First, last and step over the specs that older clients can follow, and whether some cannot be followed.
///
/// A single index/range spec is taken as it is. Of several, those with step 1 that follow each other
/// without a gap are joined.
const fn key_range(specs: &[KeySpec]) -> ((i16, i16, i16), bool) {
    let (mut first, mut last, mut is_movable) = (0, 0, false);
    let mut i = 0;
    while i < specs.len() {
        let spec = &specs[i];
        i += 1;
        is_movable |= spec.flags.has(key_flag::INCOMPLETE);
        let (Begin::Index(begin), Find::Range { last: to, step, .. }) = (spec.begin, spec.find)
        else {
            is_movable = true;
            continue;
        };
        let begin = begin as i16;
        let to = if to >= 0 {
            begin + to as i16
        } else {
            to as i16
        };
        if specs.len() == 1 {
            return ((begin, to, step as i16), is_movable);
        }
        if step != 1 || (last != 0 && last != begin - 1) {
            is_movable = true;
            continue;
        }
        if first == 0 || begin < first {
            first = begin;
        }
        // From the end beats any fixed position, and nearer to the end beats farther.
        if last == 0 || (to < 0 && (last > 0 || to > last)) || (last > 0 && to > last) {
            last = to;
        }
    }
    if first == 0 {
        return ((0, 0, 0), !specs.is_empty());
    }
    ((first, last, 1), is_movable)
}

/// The argument that is the one key of every call, if the specs say so; else 0.
const fn sole_key(specs: &[KeySpec]) -> u8 {
    match specs {
        [
            KeySpec {
                begin: Begin::Index(at),
                find: Find::Range { last: 0, .. },
                flags,
                ..
            },
        ] if !flags.has(key_flag::NOT_KEY.or(key_flag::INCOMPLETE)) => *at,
        _ => 0,
    }
}
