//! Which effects belong together, and in whose queue they are.

use super::*;
use crate::base::slot::SlotMap;
use crate::command::ctx::Undivided;
use crate::command::lookup::Mode as Names;
use crate::command::spec::Run;
use crate::keyspace::{Db, StoreCounters, StoreOptions, StoreSet, StrInput, Ttl};
use crate::resp::{OwnedArgs, ParseLimits, Parsed, Parser, Proto};
use crate::shard::frame::{Handover, ParkJob};
use crate::shard::lend::Park;
use std::sync::OnceLock;

const NOW: Millis = Millis(1_700_000_000_000);

/// Shard `shard` of so many.
fn owner_of(shard: u16, shards: usize) -> Owner {
    let slots = Arc::new(SlotMap::even(shards));
    let store = Store::new(StoreOptions {
        shard: ShardId(shard),
        slots: slots.slots_of(ShardId(shard)),
        databases: 16,
        hash_seed: 1,
        counters: Arc::new(StoreCounters::new(16)),
    });
    let config = Arc::new(Config::default());
    let mut owner = Owner::new(ShardId(shard), store, config, slots, Clock::new(), 1);
    let stats = Arc::new(CoreStats::new(crate::command::table::COUNT));
    owner.share_scripts(
        Arc::new(Shared::new(shards)),
        Lookup::new(Names::Server),
        stats,
        Arc::default(),
    );
    owner.now = NOW;
    owner.set_effects(true);
    owner
}

fn item(line: &str) -> Item {
    let args: OwnedArgs = line.split(' ').map(|word| word.replace('_', " ")).collect();
    let spec = Lookup::new(Names::Server).command(args.as_args());
    let spec = spec.expect("a command");
    let Run::Store(run) = spec.run else {
        panic!("{line} does not run at its keys")
    };
    Item {
        spec,
        run,
        args,
        scope: Scope {
            db: DbIndex(0),
            proto: Proto::Resp2,
            no_touch: false,
            imports: false,
            client: Reader { at: 0, client: 1 },
            remembers: false,
        },
        locator: None,
        limited: None,
        told: None,
        out: Output::default(),
        place: 0,
        outcome: Outcome::default(),
    }
}

fn frame(lines: &[&str]) -> Frame {
    let mut frame = Frame::new(ShardId(0));
    frame.items = lines.iter().map(|line| item(line)).collect();
    frame
}

/// As one frame of the inbox.
fn perform(owner: &mut Owner, lines: &[&str]) {
    owner.perform(&mut frame(lines), &mut Undivided);
}

/// What is queued, groups in brackets.
fn taken(owner: &mut Owner) -> String {
    let limits = ParseLimits {
        authenticated: true,
        bulk_bytes_max: i64::MAX,
    };
    let effects = owner.effects();
    let groups = effects.records().chunk_by(|a, b| a.group == b.group);
    let groups = groups.map(|group| {
        let texts = group.iter().map(|effect| {
            let bytes = &effects.bytes()[effect.range.clone()];
            let mut spans = Vec::new();
            let parsed = Parser::new().parse(bytes, &limits, &mut spans);
            assert!(matches!(parsed, Parsed::Command { consumed } if consumed == bytes.len()));
            let words = Args::new(bytes, &spans).iter().map(String::from_utf8_lossy);
            words.collect::<Vec<_>>().join(" ")
        });
        format!("[{}]", texts.collect::<Vec<_>>().join(", "))
    });
    let text = groups.collect::<Vec<_>>().join(" ");
    let mut numbers: Vec<u64> = effects
        .records()
        .iter()
        .map(|effect| effect.group)
        .collect();
    numbers.dedup();
    assert!(numbers.is_sorted(), "{numbers:?}");
    effects.clear();
    text
}

#[test]
fn a_command_a_frame_and_a_script_are_groups() {
    let mut owner = owner_of(0, 1);
    for line in ["SET a 1", "GET a", "INCR a"] {
        let item = item(line);
        let call = Call::of(item.run, item.args.as_args(), item.scope, NOW);
        owner.execute(&call, &mut Output::default());
    }
    perform(&mut owner, &["SET b 1", "GET b", "SET c 1"]);
    perform(&mut owner, &["GET b"]);
    perform(
        &mut owner,
        &["EVAL redis.call('set',KEYS[1],1)redis.call('incr',KEYS[1]) 1 s"],
    );
    assert_eq!(
        taken(&mut owner),
        "[SET a 1] [INCR a] [SET b 1, SET c 1] [set s 1, incr s]"
    );
    owner.set_effects(false);
    perform(&mut owner, &["SET b 1"]);
    assert_eq!(taken(&mut owner), "");
}

#[test]
fn who_waited_comes_after_what_woke_it() {
    let mut owner = owner_of(0, 1);
    let mut waits = frame(&["BLPOP l 0"]);
    waits.may_wait = true;
    owner.perform(&mut waits, &mut Undivided);
    assert!(waits.waiter.is_some());
    perform(&mut owner, &["RPUSH l a b", "SET k v"]);
    owner.serve_waiting(1);
    assert_eq!(owner.woken.len(), 1);
    assert_eq!(taken(&mut owner), "[RPUSH l a b, SET k v] [LPOP l]");
}

#[test]
fn keys_that_go_by_themselves_are_groups_unless_a_command_finds_them() {
    let mut owner = owner_of(0, 1);
    perform(&mut owner, &["PSETEX a 5 v"]);
    perform(&mut owner, &["PSETEX b 5 v"]);
    perform(&mut owner, &["PSETEX c 50 v"]);
    perform(&mut owner, &["HSETEX h PX 5 FIELDS 1 f v"]);
    owner.effects().clear();
    owner.now.0 += 10;
    owner.store.expire_cycle(owner.now, 100);
    perform(&mut owner, &["SET a w"]);
    let (before, behind) = ("[SET a w]", taken(&mut owner));
    let mut went: Vec<&str> = behind
        .strip_suffix(before)
        .expect("last")
        .trim()
        .split(' ')
        .collect();
    went.sort_unstable();
    assert_eq!(went.join(" "), "[DEL [DEL [HDEL a] b] f] h");
    owner.now.0 += 50;
    perform(&mut owner, &["SET a x", "GET c"]);
    assert_eq!(taken(&mut owner), "[SET a x, DEL c]");

    let mut config = Config::clone(&owner.config);
    (config.lazyfree_lazy_expire, config.lazyfree_lazy_eviction) = (true, true);
    owner.config = Arc::new(config);
    perform(&mut owner, &["PEXPIRE a 5"]);
    owner.now.0 += 50;
    perform(&mut owner, &["GET a"]);
    perform(&mut owner, &["SET k v"]);
    owner.eviction.policy = EvictPolicy::AllKeysRandom;
    owner.limit = 1;
    assert!(
        owner.admit(flag::DENYOOM).is_err(),
        "one byte is too little"
    );
    perform(&mut owner, &["GET k"]);
    let times = (NOW.0 + 65).to_string();
    assert_eq!(
        taken(&mut owner),
        format!("[PEXPIREAT a {times}] [UNLINK a] [SET k v] [UNLINK k]")
    );
}

#[test]
fn effects_over_lent_stores_are_in_the_queue_of_who_executed() {
    let slots = SlotMap::even(2);
    let key = |shard: u16| {
        let mut keys = (0..).map(|i| format!("k{i}"));
        keys.find(|key| slots.shard_of(key_slot(key.as_bytes())) == ShardId(shard))
    };
    let (one, other) = (key(0).expect("a key"), key(1).expect("a key"));
    let lines = [
        format!("GET {other}"),
        format!("RENAME {one} {other}"),
        format!("SET {one} w"),
    ];
    let job = Arc::new(ParkJob {
        park: Park::new(2, 2),
        waiter: OnceLock::new(),
        read: OnceLock::new(),
        client: 1,
        deadline: None,
        held: None,
    });
    let items = lines.iter().map(|line| item(line)).collect();
    let items = Arc::new(Handover::new(items));
    let setup = [format!("SET {one} v"), format!("PSETEX {other} 5 v")];
    let mut both: Vec<String> = std::thread::scope(|scope| {
        let threads = [0, 1].map(|shard: u16| {
            let (job, items) = (Arc::clone(&job), Arc::clone(&items));
            let setup = &setup[usize::from(shard)];
            scope.spawn(move || {
                let mut owner = owner_of(shard, 2);
                perform(&mut owner, &[setup]);
                owner.effects().clear();
                let mut frame = Frame::new(ShardId(0));
                frame.now = Some(Millis(NOW.0 + 10));
                frame.mode = Mode::Park {
                    job,
                    watched: Arc::from([]),
                    items,
                };
                owner.perform(&mut frame, &mut Undivided);
                taken(&mut owner)
            })
        });
        threads
            .map(|thread| thread.join().expect("no panic"))
            .into()
    });
    both.sort();
    let expected = format!("[DEL {other}, RENAME {one} {other}, SET {one} w]");
    assert_eq!(both, ["".to_string(), expected]);
}

/// Shards that notice the same excess in one turn evict it together, not each all of it.
#[test]
fn the_same_excess_is_evicted_once() {
    const SHARDS: usize = 4;
    let mut owners: Vec<Owner> = (0..SHARDS).map(|n| owner_of(n as u16, SHARDS)).collect();
    let slots = SlotMap::even(SHARDS);
    for n in 0..20_000 {
        let key = format!("key:{n}");
        let shard = slots.shard_of(key_slot(key.as_bytes())).index();
        let owner = &mut owners[shard];
        Db::new(StoreSet::One(&mut owner.store), DbIndex(0), NOW).set_str(
            key.as_bytes(),
            StrInput::Bytes(&[b'x'; 100]),
            Ttl::Clear,
        );
    }
    let stores: Vec<_> = owners
        .iter()
        .map(|owner| Arc::clone(owner.store.counters()))
        .collect();
    let used = || {
        stores
            .iter()
            .map(|store| store.used_bytes.get())
            .sum::<u64>()
    };
    let (before, excess) = (used(), 300_000);
    for owner in &mut owners {
        owner.eviction.policy = EvictPolicy::AllKeysRandom;
        owner.limit = before - excess;
        owner.set_peers(stores.clone());
    }
    // All of them look before anybody evicts.
    for owner in &mut owners {
        owner.set_elsewhere(before - owner.store.memory());
    }
    for owner in &mut owners {
        assert!(owner.admit(flag::DENYOOM).is_ok());
    }
    let evicted = before - used();
    assert!((excess..excess + 10_000).contains(&evicted), "{evicted}");
}
