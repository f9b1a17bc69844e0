//! CLIENT TRACKING: what a client that caches asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::base::slot::ShardId;

/// When reads of a client are remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TrackingMode {
    /// Always.
    #[default]
    Default,
    /// After CLIENT CACHING YES.
    OptIn,
    /// Unless after CLIENT CACHING NO.
    OptOut,
    /// Never: it hears of all keys that begin with one of its prefixes.
    Broadcast,
}

/// What a client that caches asked for.
#[derive(Clone, Debug, Default)]
pub struct Tracking {
    /// When its reads are remembered.
    pub mode: TrackingMode,
    /// It does not hear of its own writes.
    pub noloop: bool,
    /// Prefixes of keys it hears of, in broadcast mode; the empty one is all keys.
    pub prefixes: Vec<Vec<u8>>,
    /// CLIENT CACHING, for the next command.
    pub caching: Option<bool>,
    /// The client that gets the messages instead.
    pub redirect: Option<Redirect>,
}

/// Another client that gets the messages.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// Its id.
    pub client: u64,
    /// The core that has it.
    home: Arc<AtomicU32>,
}

impl Redirect {
    const UNKNOWN: u32 = u32::MAX;
    const GONE: u32 = u32::MAX - 1;
    const REFUSED: u32 = u32::MAX - 2;

    /// To a client whose home is to be found out.
    pub fn new(client: u64) -> Redirect {
        Redirect {
            client,
            home: Arc::new(AtomicU32::new(Redirect::UNKNOWN)),
        }
    }

    /// Notes where the client is, or that there never was one.
    pub fn looked_up(&self, home: Option<ShardId>) {
        let home = home.map_or(Redirect::REFUSED, |home| u32::from(home.0));
        self.home.store(home, Ordering::Relaxed);
    }

    /// Whether there never was such a client.
    pub fn is_refused(&self) -> bool {
        self.home.load(Ordering::Relaxed) == Redirect::REFUSED
    }

    /// Notes where the client is, or that it has left.
    pub fn found(&self, home: Option<ShardId>) {
        let home = home.map_or(Redirect::GONE, |home| u32::from(home.0));
        self.home.store(home, Ordering::Relaxed);
    }

    /// Its home, if it is there.
    pub fn home(&self) -> Option<ShardId> {
        u16::try_from(self.home.load(Ordering::Relaxed))
            .ok()
            .map(ShardId)
    }

    /// Whether it has left.
    pub fn is_broken(&self) -> bool {
        self.home.load(Ordering::Relaxed) == Redirect::GONE
    }
}

impl Tracking {
    /// Whether what the next command reads is remembered.
    pub fn remembers(&self) -> bool {
        match self.mode {
            TrackingMode::Default => true,
            TrackingMode::OptIn => self.caching == Some(true),
            TrackingMode::OptOut => self.caching != Some(false),
            TrackingMode::Broadcast => false,
        }
    }
}
