//! The Rust types behind directives that are more than a number, a switch or a text.
//!
//! A directive that takes one word of a list is an enum here, and one that takes several is a small bit set; the table
//! in `table.rs` names the type, and parsing, printing and error texts follow from the `NAMED` list. The order of a
//! list is the order in which the error text enumerates it, so it is part of what clients see. Names compare without
//! case. A value may have two names; the first is the one that is printed.

/// One word of a fixed list.
pub trait Choice: Copy + PartialEq + 'static {
    /// Accepted names, in the order in which the error text lists them.
    const NAMED: &'static [(&'static str, Self)];

    /// The name this value is printed with.
    fn name(self) -> &'static str {
        let named = Self::NAMED.iter().find(|(_, value)| *value == self);
        named.expect("every variant has a name").0
    }
}

macro_rules! choices {
    ($($(#[$doc:meta])* $type:ident { $($variant:ident $name:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($variant),+ }

        impl Choice for $type {
            const NAMED: &'static [(&'static str, Self)] = &[
                $(($name, $type::$variant),)+
            ];
        }
    )+};
}

choices! {
    /// `maxmemory-policy`: which keys are evicted when memory is over the limit.
    MaxmemoryPolicy {
        VolatileLru "volatile-lru",
        VolatileLfu "volatile-lfu",
        VolatileRandom "volatile-random",
        VolatileTtl "volatile-ttl",
        AllkeysLru "allkeys-lru",
        AllkeysLfu "allkeys-lfu",
        AllkeysRandom "allkeys-random",
        Noeviction "noeviction",
    }

    /// `loglevel`: the least important line that is still written.
    LogLevel {
        Debug "debug",
        Verbose "verbose",
        Notice "notice",
        Warning "warning",
        Nothing "nothing",
    }

    /// `syslog-facility`.
    SyslogFacility {
        User "user",
        Local0 "local0",
        Local1 "local1",
        Local2 "local2",
        Local3 "local3",
        Local4 "local4",
        Local5 "local5",
        Local6 "local6",
        Local7 "local7",
    }

    /// `supervised`: which init system is told that we are ready. `Auto` looks at the environment.
    Supervised { Upstart "upstart", Systemd "systemd", Auto "auto", No "no" }

    /// `appendfsync`.
    AppendFsync { Everysec "everysec", Always "always", No "no" }

    /// `repl-diskless-load`: may a replica load the master's data set straight from the socket.
    DisklessLoad { Disabled "disabled", OnEmptyDb "on-empty-db", Swapdb "swapdb" }

    /// `tls-auth-clients`: must a TLS client show a certificate.
    TlsAuthClients { No "no", Yes "yes", Optional "optional" }

    /// `tls-auth-clients-user`: which part of a client certificate names the user.
    TlsAuthClientsUser { CommonName "CN", Off "off" }

    /// `acl-pubsub-default`: the channels of a user that names none.
    PubsubDefault { Allchannels "allchannels", Resetchannels "resetchannels" }

    /// `sanitize-dump-payload`: whose payloads are checked in depth while loading.
    SanitizePayload { No "no", Yes "yes", Clients "clients" }

    /// `enable-debug-command` and its kin: nobody, everybody, or connections from this machine.
    Allow { No "no", Yes "yes", Local "local" }

    /// `cluster-preferred-endpoint-type`: what a redirection names.
    EndpointType { Ip "ip", Hostname "hostname", UnknownEndpoint "unknown-endpoint" }

    /// `propagation-error-behavior`.
    PropagationError { Ignore "ignore", Panic "panic", PanicOnReplicas "panic-on-replicas" }

    /// `log-format`.
    LogFormat { Legacy "legacy", Logfmt "logfmt", Json "json" }

    /// `log-timestamp-format`.
    LogTimestamp { Legacy "legacy", Iso8601 "iso8601", Milliseconds "milliseconds" }

    /// `rdb-version-check`: are files of unknown newer versions refused.
    RdbVersionCheck { Strict "strict", Relaxed "relaxed" }

    /// `cluster-config-save-behavior`.
    ClusterConfigSave { Sync "sync", BestEffort "best-effort" }

    /// `io-backend`: how sockets are driven. `Auto` takes io_uring where the kernel allows it.
    IoBackend { Auto "auto", Uring "uring", Epoll "epoll" }
}

impl MaxmemoryPolicy {
    /// Does it count how often keys are used, rather than when?
    pub fn is_lfu(self) -> bool {
        matches!(
            self,
            MaxmemoryPolicy::AllkeysLfu | MaxmemoryPolicy::VolatileLfu
        )
    }

    /// Does it need to know when or how often each key was used?
    pub fn is_by_use(self) -> bool {
        matches!(
            self,
            MaxmemoryPolicy::AllkeysLru | MaxmemoryPolicy::VolatileLru
        ) || self.is_lfu()
    }

    /// Does it evict only keys that have an expire?
    pub fn is_volatile(self) -> bool {
        matches!(
            self,
            MaxmemoryPolicy::VolatileLru
                | MaxmemoryPolicy::VolatileLfu
                | MaxmemoryPolicy::VolatileRandom
                | MaxmemoryPolicy::VolatileTtl
        )
    }
}

/// `oom-score-adj`: how `oom-score-adj-values` are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OomScoreAdj {
    No,
    Relative,
    Absolute,
}

impl Choice for OomScoreAdj {
    const NAMED: &'static [(&'static str, Self)] = &[
        ("no", OomScoreAdj::No),
        ("yes", OomScoreAdj::Relative),
        ("relative", OomScoreAdj::Relative),
        ("absolute", OomScoreAdj::Absolute),
    ];
}

/// Several words of a fixed list.
pub trait Choices: Copy + PartialEq + 'static {
    /// Accepted names with their bits, in the order in which they are printed. A name without bits stands for none.
    const NAMED: &'static [(&'static str, u8)];
    fn bits(self) -> u8;
    fn from_bits(bits: u8) -> Self;
}

macro_rules! bit_choices {
    ($($(#[$doc:meta])* $type:ident { $($constant:ident $name:literal = $bits:expr),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $type(pub u8);

        impl $type {
            $(pub const $constant: $type = $type($bits);)+

            /// Is at least one bit of `other` set?
            pub fn has(self, other: $type) -> bool {
                self.0 & other.0 != 0
            }
        }

        impl Choices for $type {
            const NAMED: &'static [(&'static str, u8)] = &[$(($name, $bits)),+];

            fn bits(self) -> u8 {
                self.0
            }

            fn from_bits(bits: u8) -> $type {
                $type(bits)
            }
        }
    )+};
}

bit_choices! {
    /// `shutdown-on-sigint`, `shutdown-on-sigterm`: the options of the SHUTDOWN that a signal causes.
    ShutdownOptions { DEFAULT "default" = 0, SAVE "save" = 1, NOSAVE "nosave" = 2, NOW "now" = 4, FORCE "force" = 8 }

    /// `cluster-slot-stats-enabled`: what is counted per slot.
    SlotStats { NO "no" = 0, ALL "yes" = 7, CPU "cpu" = 1, NET "net" = 2, MEM "mem" = 4 }
}

/// One pair of `save`: snapshot once `seconds` have passed with at least `changes` changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// At least 1.
    pub seconds: i64,
    /// At least 0.
    pub changes: i64,
}

/// One class of `client-output-buffer-limit`; 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// The client is closed at once.
    pub hard_bytes: u64,
    /// The client is closed after `soft_seconds` above this.
    pub soft_bytes: u64,
    pub soft_seconds: i64,
}

/// Index into `client_output_buffer_limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputClass {
    Normal = 0,
    Replica = 1,
    Pubsub = 2,
}

impl OutputClass {
    /// The classes in index order, with the name that CONFIG GET prints.
    pub const NAMED: [(&'static str, OutputClass); 3] = [
        ("normal", OutputClass::Normal),
        ("slave", OutputClass::Replica),
        ("pubsub", OutputClass::Pubsub),
    ];
}

/// `maxmemory-clients`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryOrPercent {
    Bytes(u64),
    /// Of `maxmemory`; 1 to 100.
    Percent(u8),
}

/// `replicaof`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterAddress {
    pub host: String,
    pub port: u16,
}

/// `notify-keyspace-events`: the classes that are published, and to which of the two kinds of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyspaceEvents(pub u16);

impl KeyspaceEvents {
    pub const NONE: KeyspaceEvents = KeyspaceEvents(0);
    pub const KEYSPACE: KeyspaceEvents = KeyspaceEvents(1);
    pub const KEYEVENT: KeyspaceEvents = KeyspaceEvents(1 << 1);
    pub const GENERIC: KeyspaceEvents = KeyspaceEvents(1 << 2);
    pub const STRING: KeyspaceEvents = KeyspaceEvents(1 << 3);
    pub const LIST: KeyspaceEvents = KeyspaceEvents(1 << 4);
    pub const SET: KeyspaceEvents = KeyspaceEvents(1 << 5);
    pub const HASH: KeyspaceEvents = KeyspaceEvents(1 << 6);
    pub const ZSET: KeyspaceEvents = KeyspaceEvents(1 << 7);
    pub const EXPIRED: KeyspaceEvents = KeyspaceEvents(1 << 8);
    pub const EVICTED: KeyspaceEvents = KeyspaceEvents(1 << 9);
    pub const STREAM: KeyspaceEvents = KeyspaceEvents(1 << 10);
    pub const KEY_MISS: KeyspaceEvents = KeyspaceEvents(1 << 11);
    pub const MODULE: KeyspaceEvents = KeyspaceEvents(1 << 12);
    pub const NEW: KeyspaceEvents = KeyspaceEvents(1 << 13);
    /// What `A` stands for: every class but key misses and new keys.
    pub const ALL: KeyspaceEvents = KeyspaceEvents(0b1_0111_1111_1100);

    /// The classes as letters, in the order in which they are printed; those of `A` first.
    const LETTERS: [(u8, KeyspaceEvents); 14] = [
        (b'g', KeyspaceEvents::GENERIC),
        (b'$', KeyspaceEvents::STRING),
        (b'l', KeyspaceEvents::LIST),
        (b's', KeyspaceEvents::SET),
        (b'h', KeyspaceEvents::HASH),
        (b'z', KeyspaceEvents::ZSET),
        (b'x', KeyspaceEvents::EXPIRED),
        (b'e', KeyspaceEvents::EVICTED),
        (b't', KeyspaceEvents::STREAM),
        (b'd', KeyspaceEvents::MODULE),
        (b'n', KeyspaceEvents::NEW),
        (b'K', KeyspaceEvents::KEYSPACE),
        (b'E', KeyspaceEvents::KEYEVENT),
        (b'm', KeyspaceEvents::KEY_MISS),
    ];

    /// Reads class letters; `None` if one is unknown.
    pub fn parse(letters: &[u8]) -> Option<KeyspaceEvents> {
        letters.iter().try_fold(KeyspaceEvents::NONE, |all, byte| {
            if *byte == b'A' {
                return Some(KeyspaceEvents(all.0 | KeyspaceEvents::ALL.0));
            }
            let (_, class) = Self::LETTERS.iter().find(|(letter, _)| letter == byte)?;
            Some(KeyspaceEvents(all.0 | class.0))
        })
    }

    /// The letters of the classes; `A` if it covers them. `n` is kept beside `A`, where the field's servers drop it and
    /// so lose it in a rewrite.
    pub fn letters(self) -> Vec<u8> {
        let mut out = Vec::new();
        let all = self.0 & Self::ALL.0 == Self::ALL.0;
        if all {
            out.push(b'A');
        }
        for (letter, class) in Self::LETTERS {
            let in_all = class.0 & Self::ALL.0 != 0;
            if self.has(class) && !(all && in_all) {
                out.push(letter);
            }
        }
        out
    }

    /// Is at least one of the classes of `other` on?
    pub fn has(self, other: KeyspaceEvents) -> bool {
        self.0 & other.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_letters_survive_a_round_trip() {
        for (text, printed) in [
            ("", ""),
            ("KEA", "AKE"),
            ("g$lshzxetd", "A"),
            ("Kx", "xK"),
            ("mnE", "nEm"),
            ("An", "An"),
        ] {
            let events = KeyspaceEvents::parse(text.as_bytes()).unwrap();
            assert_eq!(events.letters(), printed.as_bytes(), "{text}");
            assert_eq!(KeyspaceEvents::parse(printed.as_bytes()), Some(events));
        }
        assert_eq!(KeyspaceEvents::parse(b"Kq"), None);
    }

    #[test]
    fn relative_is_printed_by_its_older_name() {
        assert_eq!(OomScoreAdj::Relative.name(), "yes");
        assert_eq!(MaxmemoryPolicy::Noeviction.name(), "noeviction");
    }
}
