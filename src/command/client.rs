//! The CLIENT family: one's own connection, and the connections of all cores.
//!
//! What concerns other clients is a gather: each core looks at its own clients at one point of the common order, and
//! the asking core puts the answers together.

use super::connection::check_name;
use super::ctx::{ClientView, Core, Flow, Gather, HomeCtx, Pause};
use super::introspect::reply_help;
use super::spec::CommandSpec;
use crate::base::limits::OUTPUT_UNCOUNTED_BYTES;
use crate::base::parse_i64;
use crate::base::time::Millis;
use crate::resp::{Args, CommandError, Proto};
use crate::session::{ClientKind, Redirect, ReplyMode, Session, Topic, TrackingMode, Users};

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// The connection's number.
pub fn id(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply.integer(cx.session.id as i64);
    Ok(Flow::Done)
}

/// The name given with SETNAME.
pub fn getname(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let name = Some(cx.session.name.as_slice()).filter(|name| !name.is_empty());
    cx.reply.bulk_or_null(name);
    Ok(Flow::Done)
}

/// Names the connection; an empty name takes the name away.
pub fn setname(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    check_name(args.arg(2))?;
    cx.session.name = args.arg(2).to_vec();
    cx.reply.ok();
    Ok(Flow::Done)
}

/// What the client library says of itself.
pub fn setinfo(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let (option, value) = (args.arg(2), args.arg(3));
    let field = if option.eq_ignore_ascii_case(b"lib-name") {
        &mut cx.session.lib_name
    } else if option.eq_ignore_ascii_case(b"lib-ver") {
        &mut cx.session.lib_ver
    } else {
        return Err(CommandError::unrecognized_option(option));
    };
    check_name(value).map_err(|_| CommandError::client_attribute(option))?;
    *field = value.to_vec();
    cx.reply.ok();
    Ok(Flow::Done)
}

/// What the client can do; unknown abilities are ignored.
pub fn capa(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply.ok();
    Ok(Flow::Done)
}

fn on_or_off(word: &[u8]) -> Result<bool> {
    match word {
        word if word.eq_ignore_ascii_case(b"on") => Ok(true),
        word if word.eq_ignore_ascii_case(b"off") => Ok(false),
        _ => Err(CommandError::SYNTAX),
    }
}

/// Whether memory pressure by clients may close this one.
pub fn no_evict(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    cx.session.no_evict = on_or_off(args.arg(2))?;
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Whether this client's reads leave access times alone.
pub fn no_touch(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    cx.session.no_touch = on_or_off(args.arg(2))?;
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Whether this client imports data: what has expired is there for it, until whoever sends the data removes it.
pub fn import_source(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let imports = on_or_off(args.arg(2))?;
    if imports && !cx.config.import_mode {
        return Err(CommandError::NOT_IN_IMPORT_MODE);
    }
    cx.session.imports = imports;
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Whether replies are sent when a command of a transaction has run, if they were before.
pub fn sends_after(spec: &CommandSpec, args: Args<'_>, sends: bool) -> bool {
    match spec.name == "client|reply" {
        true if args.is(2, "ON") => true,
        true if args.is(2, "OFF") => false,
        _ => sends,
    }
}

/// Whether replies are sent at all. Only ON answers.
pub fn reply(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let mode = args.arg(2);
    if mode.eq_ignore_ascii_case(b"on") {
        cx.session.reply_mode = ReplyMode::On;
        cx.reply.ok();
    } else if mode.eq_ignore_ascii_case(b"off") {
        cx.session.reply_mode = ReplyMode::Off;
    } else if mode.eq_ignore_ascii_case(b"skip") {
        cx.session.reply_mode = match cx.session.reply_mode {
            ReplyMode::Off => ReplyMode::Off,
            ReplyMode::On => ReplyMode::SkipNext,
            ReplyMode::SkipNext | ReplyMode::SkipTwo => ReplyMode::SkipTwo,
        };
    } else {
        return Err(CommandError::SYNTAX);
    }
    Ok(Flow::Done)
}

/// This connection, as a line of CLIENT LIST.
pub fn info(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let mut text = describe_client(cx.session, args, cx.now.ms);
    text.push('\n');
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// The line of CLIENT LIST about a client whose command with these arguments is looked at.
pub fn describe_client(session: &Session, args: Args<'_>, now: Millis) -> String {
    let view = ClientView {
        session,
        // Its own request is still in the buffer.
        input_bytes: args.bytes.len(),
        input_free: 0,
        argument_bytes: args.total_len(),
        output_bytes: 0,
        output_pieces: 0,
        memory: args.bytes.len() + session.memory() + 1024,
        blocked: false,
        closing: false,
    };
    line(&view, now)
}

/// One client, in the fields and the order of Redis 7.2, and the shard that has its connection.
fn line(view: &ClientView<'_>, now: Millis) -> String {
    let session = view.session;
    let seconds = |since: Millis| now.since(since).max(0) / 1000;
    let open = session.transaction.as_ref().or(session.executing.as_ref());
    let multi = open.map_or(-1, |open| open.queued as i64);
    let redirect = match &session.tracking {
        None => -1,
        Some(tracking) => tracking
            .redirect
            .as_ref()
            .map_or(0, |target| target.client as i64),
    };
    let multi_bytes = open.map_or(0, |open| open.bytes);
    // As its limits count it.
    let buffered = view.output_bytes.min(OUTPUT_UNCOUNTED_BYTES);
    let listed = view.output_bytes - buffered;
    let pieces = if listed == 0 {
        0
    } else {
        view.output_pieces.max(1)
    };
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={multi} \
         qbuf={} qbuf-free={} argv-mem={} multi-mem={multi_bytes} rbs=1024 rbp=0 obl={} oll={} omem={} \
         tot-mem={} events=r cmd={} user={} redir={redirect} resp={} lib-name={} lib-ver={} shard={}",
        session.id,
        session.addr,
        session.laddr,
        session.fd,
        String::from_utf8_lossy(&session.name),
        seconds(session.created),
        seconds(session.last_active),
        flags(view),
        session.db.0,
        session.subscriptions.names(Topic::Channel).len(),
        session.subscriptions.names(Topic::Pattern).len(),
        session.subscriptions.names(Topic::Shard).len(),
        view.input_bytes,
        view.input_free,
        view.argument_bytes,
        buffered,
        pieces,
        listed,
        view.memory,
        if session.last_command.is_empty() {
            "NULL"
        } else {
            session.last_command
        },
        String::from_utf8_lossy(&session.user.name),
        match session.proto {
            Proto::Resp2 => 2,
            Proto::Resp3 => 3,
        },
        String::from_utf8_lossy(&session.lib_name),
        String::from_utf8_lossy(&session.lib_ver),
        session.shard.0,
    )
}

fn flags(view: &ClientView<'_>) -> String {
    let session = view.session;
    let dirty = session
        .watched
        .iter()
        .any(|watched| watched.flag.is_dirty());
    let tracking = session.tracking.as_deref();
    let redirect = tracking.and_then(|tracking| tracking.redirect.as_ref());
    let is_broken = redirect.is_some_and(Redirect::is_broken);
    let is_broadcast = tracking.is_some_and(|tracking| tracking.mode == TrackingMode::Broadcast);
    let letters: String = [
        (session.kind == ClientKind::Replica, 'S'),
        (session.kind == ClientKind::Master, 'M'),
        (session.monitor, 'O'),
        (session.kind == ClientKind::Pubsub, 'P'),
        (
            session.transaction.is_some() || session.executing.is_some(),
            'x',
        ),
        (view.blocked, 'b'),
        (session.tracking.is_some(), 't'),
        (is_broken, 'R'),
        (is_broadcast, 'B'),
        (dirty, 'd'),
        (view.closing, 'c'),
        (session.unix, 'U'),
        (session.no_evict, 'e'),
        (session.no_touch, 'T'),
        (session.imports, 'I'),
    ]
    .into_iter()
    .filter_map(|(is_set, letter)| is_set.then_some(letter))
    .collect();
    if letters.is_empty() {
        "N".into()
    } else {
        letters
    }
}

/// Which clients are meant. Every filter that is given must hold.
#[derive(Debug, Clone, Default)]
struct Filter {
    ids: Option<Vec<u64>>,
    kind: Option<ClientKind>,
    addr: Option<Vec<u8>>,
    laddr: Option<Vec<u8>>,
    user: Option<Vec<u8>>,
    age_s_min: Option<i64>,
    skip: Option<u64>,
}

impl Filter {
    fn holds(&self, session: &Session, now: Millis) -> bool {
        self.ids
            .as_ref()
            .is_none_or(|ids| ids.contains(&session.id))
            && self.kind.is_none_or(|kind| kind == session.kind)
            && self
                .addr
                .as_ref()
                .is_none_or(|addr| session.addr.as_bytes() == addr)
            && self
                .laddr
                .as_ref()
                .is_none_or(|addr| session.laddr.as_bytes() == addr)
            && self
                .user
                .as_ref()
                .is_none_or(|user| *session.user.name == **user)
            && self
                .age_s_min
                .is_none_or(|age| now.since(session.created) / 1000 >= age)
            && self.skip != Some(session.id)
    }
}

fn kind_named(name: &[u8]) -> Result<ClientKind> {
    let kinds = [
        ("normal", ClientKind::Normal),
        ("slave", ClientKind::Replica),
        ("replica", ClientKind::Replica),
        ("pubsub", ClientKind::Pubsub),
        ("master", ClientKind::Master),
    ];
    kinds
        .into_iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
        .map(|(_, kind)| kind)
        .ok_or_else(|| CommandError::unknown_client_type(name))
}

/// All clients, those of a type, or those with these ids; a line each.
pub fn list(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let mut filter = Filter::default();
    match args.len() {
        2 => {}
        4 if args.is(2, "TYPE") => filter.kind = Some(kind_named(args.arg(3))?),
        4.. if args.is(2, "ID") => {
            // Nobody has the number 0, and nobody a negative one.
            let ids = args.from(3).iter().map(|text| match parse_i64(text) {
                Some(id) => Ok(u64::try_from(id).unwrap_or_default()),
                None => Err(CommandError::INVALID_CLIENT_ID),
            });
            filter.ids = Some(ids.collect::<Result<_>>()?);
        }
        _ => return Err(CommandError::SYNTAX),
    }
    let now = cx.now.ms;
    // The caller's own request counts as if it were still in the buffer.
    let (caller, request_bytes) = (cx.session.id, args.bytes.len());
    let argument_bytes = args.total_len();
    Ok(Flow::Gather(Gather::new(
        move |core: &mut dyn Core| {
            let mut lines = Vec::new();
            core.clients(&mut |mut view| {
                if filter.holds(view.session, now) {
                    if view.session.id == caller {
                        view.input_bytes += request_bytes;
                        view.argument_bytes = argument_bytes;
                    }
                    lines.push((view.session.id, line(&view, now)));
                }
            });
            lines
        },
        |lists, reply| {
            let mut lines: Vec<(u64, String)> = lists.into_iter().flatten().collect();
            lines.sort_unstable_by_key(|(id, _)| *id);
            let text: String = lines.into_iter().map(|(_, line)| line + "\n").collect();
            reply.verbatim("txt", text.as_bytes());
        },
    )))
}

/// Closes connections: one by its address (the old form), or all that pass the filters.
pub fn kill(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let caller = cx.session.id;
    let old_form = args.len() == 3;
    let mut filter = Filter::default();
    if old_form {
        filter.addr = Some(args.arg(2).to_vec());
    } else {
        filter = parse_kill(args, caller, &cx.core.users())?;
    }
    let now = cx.now.ms;
    Ok(Flow::Gather(Gather::new(
        move |core: &mut dyn Core| core.kill(caller, &mut |view| filter.holds(view.session, now)),
        move |counts, reply| match (old_form, counts.into_iter().sum::<usize>()) {
            (true, 0) => reply.error(&CommandError::NO_SUCH_CLIENT),
            (true, _) => reply.ok(),
            (false, killed) => reply.count(killed),
        },
    )))
}

fn parse_kill(args: Args<'_>, caller: u64, users: &Users) -> Result<Filter> {
    let mut filter = Filter {
        skip: Some(caller),
        ..Filter::default()
    };
    let mut at = 2;
    while at < args.len() {
        let Some(value) = args.get(at + 1) else {
            return Err(CommandError::SYNTAX);
        };
        if args.is(at, "ID") {
            let id = parse_i64(value).ok_or(CommandError::CLIENT_ID_NOT_POSITIVE)?;
            if id < 1 {
                return Err(CommandError::CLIENT_ID_NOT_POSITIVE);
            }
            filter.ids = Some(vec![id as u64]);
        } else if args.is(at, "TYPE") {
            filter.kind = Some(kind_named(value)?);
        } else if args.is(at, "ADDR") {
            filter.addr = Some(value.to_vec());
        } else if args.is(at, "LADDR") {
            filter.laddr = Some(value.to_vec());
        } else if args.is(at, "USER") {
            if users.get(value).is_none() {
                return Err(CommandError::no_such_user(value));
            }
            filter.user = Some(value.to_vec());
        } else if args.is(at, "MAXAGE") {
            let age = parse_i64(value).ok_or(CommandError::fixed(
                "ERR maxage is not an integer or out of range",
            ))?;
            if age <= 0 {
                return Err(CommandError::fixed("ERR maxage should be greater than 0"));
            }
            filter.age_s_min = Some(age);
        } else if args.is(at, "SKIPME") {
            filter.skip = match value {
                word if word.eq_ignore_ascii_case(b"yes") => Some(caller),
                word if word.eq_ignore_ascii_case(b"no") => None,
                _ => return Err(CommandError::SYNTAX),
            };
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 2;
    }
    Ok(filter)
}

/// Ends another client's blocking command, as if it had timed out or with an error.
pub fn unblock(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    refuse_more(args, 4)?;
    let error = match args.get(3) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"timeout") => false,
        Some(word) if word.eq_ignore_ascii_case(b"error") => true,
        Some(_) => {
            return Err(CommandError::fixed(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
    };
    let id = parse_i64(args.arg(2)).ok_or(CommandError::NOT_INTEGER)?;
    Ok(Flow::Gather(Gather::new(
        move |core: &mut dyn Core| core.unblock(id.cast_unsigned(), error),
        |found, reply| reply.integer(i64::from(found.contains(&true))),
    )))
}

/// Holds back the commands of all clients for some milliseconds, or only those that write.
pub fn pause(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    refuse_more(args, 4)?;
    let all = match args.get(3) {
        None => true,
        Some(word) if word.eq_ignore_ascii_case(b"all") => true,
        Some(word) if word.eq_ignore_ascii_case(b"write") => false,
        Some(_) => {
            return Err(CommandError::fixed(
                "ERR CLIENT PAUSE mode must be WRITE or ALL",
            ));
        }
    };
    let millis = parse_i64(args.arg(2)).ok_or(CommandError::TIMEOUT_NOT_INTEGER)?;
    if millis < 0 {
        return Err(CommandError::TIMEOUT_NEGATIVE);
    }
    let until = cx
        .now
        .ms
        .checked_add(millis)
        .ok_or(CommandError::TIMEOUT_OUT_OF_RANGE)?;
    Ok(on_all(move |core| core.pause(Some(Pause { until, all }))))
}

/// More arguments than a subcommand takes are as good as another one.
fn refuse_more(args: Args<'_>, max: usize) -> Result<()> {
    match args.len() > max {
        true => Err(CommandError::unknown_subcommand_or_arity(
            "client",
            args.arg(1),
        )),
        false => Ok(()),
    }
}

/// Ends CLIENT PAUSE.
pub fn unpause(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(on_all(|core| core.pause(None)))
}

/// Does something on every core, then replies OK.
pub(super) fn on_all(each: impl Fn(&mut dyn Core) + Send + Sync + 'static) -> Flow {
    Flow::Gather(Gather::new(each, |_: Vec<()>, reply| reply.ok()))
}

/// Feeds this client with every command from now on.
pub fn monitor(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Monitor)
}

/// The subcommands.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "CLIENT",
        &[
            "CACHING (YES|NO)",
            "    Track, or do not track, the keys of the next command (OPTIN, OPTOUT).",
            "CAPA <capability> [<capability> ...]",
            "    Say what this client can handle.",
            "GETNAME",
            "    The name of this connection.",
            "GETREDIR",
            "    The client that gets our invalidations.",
            "ID",
            "    The number of this connection.",
            "INFO",
            "    This connection in detail.",
            "KILL <ip:port>",
            "    Close the connection from that address.",
            "KILL <option> <value> [<option> <value> [...]]",
            "    Close connections. Options: ADDR <ip:port>, LADDR <ip:port>, ID <id>, MAXAGE <seconds>,",
            "    TYPE (NORMAL|MASTER|REPLICA|PUBSUB), USER <name>, SKIPME (YES|NO).",
            "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <id> [<id> ...]]",
            "    Connections in detail.",
            "NO-EVICT (ON|OFF)",
            "    Keep this connection when client memory runs out.",
            "NO-TOUCH (ON|OFF)",
            "    Leave access times alone.",
            "PAUSE <milliseconds> [WRITE|ALL]",
            "    Hold back commands for a while.",
            "REPLY (ON|OFF|SKIP)",
            "    Send replies or not.",
            "SETINFO <option> <value>",
            "    Describe the client library. Options: LIB-NAME, LIB-VER.",
            "SETNAME <name>",
            "    Name this connection.",
            "TRACKING (ON|OFF) [REDIRECT <id>] [PREFIX <prefix> [...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
            "    Switch invalidation messages on or off.",
            "TRACKINGINFO",
            "    The state of tracking.",
            "UNBLOCK <id> [TIMEOUT|ERROR]",
            "    End a client's blocking command.",
            "UNPAUSE",
            "    End PAUSE.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    fn session(id: u64) -> Session {
        Session::new(
            id,
            "127.0.0.1:5000".into(),
            "127.0.0.1:6379".into(),
            9,
            Millis(1000),
            Users::default().default_user(),
        )
    }

    #[test]
    fn kill_filters_combine_and_spare_the_caller() {
        let args: OwnedArgs = [
            "client",
            "kill",
            "type",
            "normal",
            "laddr",
            "127.0.0.1:6379",
        ]
        .iter()
        .collect();
        let filter = parse_kill(args.as_args(), 7, &Users::default()).unwrap();
        assert!(filter.holds(&session(8), Millis(2000)));
        assert!(!filter.holds(&session(7), Millis(2000)));
        let args: OwnedArgs = ["client", "kill", "id", "7", "skipme", "no"]
            .iter()
            .collect();
        assert!(
            parse_kill(args.as_args(), 7, &Users::default())
                .unwrap()
                .holds(&session(7), Millis(2000))
        );
        for bad in [
            &["client", "kill", "id", "0"][..],
            &["client", "kill", "id", "1", "x", "y"],
        ] {
            let args: OwnedArgs = bad.iter().collect();
            assert!(parse_kill(args.as_args(), 7, &Users::default()).is_err());
        }
    }

    #[test]
    fn a_line_names_every_field_once() {
        let session = session(3);
        let view = ClientView {
            session: &session,
            input_bytes: 1,
            input_free: 2,
            argument_bytes: 0,
            output_bytes: 3,
            output_pieces: 0,
            memory: 0,
            blocked: false,
            closing: false,
        };
        let text = line(&view, Millis(5000));
        assert!(text.starts_with(
            "id=3 addr=127.0.0.1:5000 laddr=127.0.0.1:6379 fd=9 name= age=4 idle=4 flags=N db=0 "
        ));
        let names: Vec<&str> = text
            .split(' ')
            .filter_map(|word| word.split('=').next())
            .collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), distinct.len());
    }
}
