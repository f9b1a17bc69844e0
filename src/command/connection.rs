//! AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT: who a client is and how it is spoken to.

use super::acl::{Context, Reason, Refusal};
use super::client::describe_client;
use super::ctx::{Flow, HomeCtx};
use crate::base::parse_i64;
use crate::base::slot::DbIndex;
use crate::resp::{Args, CommandError, Proto, Reply};
use crate::session::{ClientKind, DEFAULT_USER};

type Result = std::result::Result<Flow, CommandError>;

/// The version of Redis whose behaviour and texts this server follows; clients switch features on it.
pub const REDIS_VERSION: &str = "7.2.4";

/// Replies PONG, or its argument.
pub fn ping(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    if cx.session.kind == ClientKind::Pubsub && !cx.reply.is_resp3() && args.len() <= 2 {
        // To a client that reads messages, in their form.
        cx.reply.array(2);
        cx.reply.bulk(b"pong");
        cx.reply.bulk(args.get(1).unwrap_or_default());
        return Ok(Flow::Done);
    }
    match answer_ping(args, &mut cx.reply) {
        true => Ok(Flow::Done),
        false => Err(CommandError::wrong_arity("ping")),
    }
}

/// What PING says to a client that does not read messages.
pub fn answer_ping(args: Args<'_>, reply: &mut Reply<'_>) -> bool {
    match args.len() {
        1 => reply.pong(),
        2 => reply.bulk(args.arg(1)),
        _ => return false,
    }
    true
}

/// Replies its argument.
pub fn echo(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    answer_echo(args, &mut cx.reply);
    Ok(Flow::Done)
}

/// What ECHO says.
pub fn answer_echo(args: Args<'_>, reply: &mut Reply<'_>) -> bool {
    reply.bulk(args.arg(1));
    true
}

/// Says goodbye; the connection closes when that is sent.
pub fn quit(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply.ok();
    Ok(Flow::Close)
}

/// Makes the connection as it was when it was new.
pub fn reset(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Reset)
}

/// Changes the database of the commands that follow.
pub fn select(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    cx.session.db = parse_db(args.arg(1), cx.config.databases)?;
    cx.reply.ok();
    Ok(Flow::Done)
}

/// A database number below `databases`.
pub fn parse_db(text: &[u8], databases: i64) -> std::result::Result<DbIndex, CommandError> {
    let index = parse_i64(text).ok_or(CommandError::NOT_INTEGER)?;
    let (least, greatest) = (i64::from(i32::MIN), i64::from(i32::MAX));
    if !(least..=greatest).contains(&index) {
        return Err(CommandError::not_between(least, greatest));
    }
    if !(0..databases).contains(&index) {
        return Err(CommandError::DB_INDEX);
    }
    u32::try_from(index)
        .map(DbIndex)
        .map_err(|_| CommandError::DB_INDEX)
}

/// Authenticates with a password, or a user and a password.
pub fn auth(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let (user, password) = match args.len() {
        2 if cx.core.users().default_user().no_password => {
            return Err(CommandError::AUTH_NO_PASSWORD);
        }
        2 => (DEFAULT_USER, args.arg(1)),
        3 => (args.arg(1), args.arg(2)),
        _ => return Err(CommandError::SYNTAX),
    };
    authenticate(cx, args, user, password)?;
    cx.reply.ok();
    Ok(Flow::Done)
}

/// All of AUTH is secret.
pub fn auth_secrets(args: Args<'_>) -> Vec<usize> {
    (1..args.len()).collect()
}

/// User and password behind AUTH.
pub fn hello_secrets(args: Args<'_>) -> Vec<usize> {
    match (2..args.len()).find(|&at| args.is(at, "AUTH")) {
        Some(at) => (at + 1..args.len().min(at + 3)).collect(),
        None => Vec::new(),
    }
}

fn authenticate(
    cx: &mut HomeCtx<'_>,
    args: Args<'_>,
    name: &[u8],
    password: &[u8],
) -> std::result::Result<(), CommandError> {
    let users = cx.core.users();
    let Some(user) = users.get(name).filter(|user| user.accepts(password)) else {
        cx.core.stats().auth_failures.add(1);
        let refusal = Refusal {
            reason: Reason::Auth,
            context: match cx.session.transaction {
                Some(_) => Context::Multi,
                None => Context::Toplevel,
            },
            object: args.arg(0).to_vec(),
            username: name.to_vec(),
            client: describe_client(cx.session, args, cx.now.ms),
            time: cx.now.ms,
        };
        let max = usize::try_from(cx.config.acllog_max_len).unwrap_or(usize::MAX);
        cx.server.acl_log.note(refusal, max);
        return Err(CommandError::WRONG_PASS);
    };
    cx.session.authenticated = true;
    cx.session.become_user(user);
    Ok(())
}

/// Chooses the protocol version; may authenticate and name the client in one go. Replies in the new version.
pub fn hello(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let mut proto = cx.session.proto;
    if let Some(version) = args.get(1) {
        proto = match parse_i64(version).ok_or(CommandError::HELLO_VERSION)? {
            2 => Proto::Resp2,
            3 => Proto::Resp3,
            _ => return Err(CommandError::NO_PROTO),
        };
    }
    let mut credentials = None;
    let mut name = None;
    let mut at = 2;
    while at < args.len() {
        let option = args.arg(at);
        if option.eq_ignore_ascii_case(b"AUTH") && at + 2 < args.len() {
            credentials = Some((args.arg(at + 1), args.arg(at + 2)));
            at += 3;
        } else if option.eq_ignore_ascii_case(b"SETNAME") && at + 1 < args.len() {
            name = Some(args.arg(at + 1));
            check_name(args.arg(at + 1))?;
            at += 2;
        } else {
            return Err(CommandError::hello_option(option));
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(cx, args, user, password)?;
    }
    if !cx.session.authenticated && !cx.core.users().default_user().is_open() {
        return Err(CommandError::HELLO_NO_AUTH);
    }
    if let Some(name) = name {
        cx.session.name = name.to_vec();
    }
    cx.session.proto = proto;
    cx.reply.set_proto(proto);
    describe(&mut cx.reply, cx.session.id, proto);
    Ok(Flow::Done)
}

/// A client's name may hold only printable characters and no spaces: it appears in CLIENT LIST.
pub fn check_name(name: &[u8]) -> std::result::Result<(), CommandError> {
    match name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        true => Ok(()),
        false => Err(CommandError::CLIENT_NAME),
    }
}

fn describe(reply: &mut Reply<'_>, id: u64, proto: Proto) {
    reply.map(7);
    reply.bulk_str("server");
    reply.bulk_str("redis");
    reply.bulk_str("version");
    reply.bulk_str(REDIS_VERSION);
    reply.bulk_str("proto");
    reply.integer(proto.version());
    reply.bulk_str("id");
    reply.integer(id as i64);
    reply.bulk_str("mode");
    reply.bulk_str("standalone");
    reply.bulk_str("role");
    reply.bulk_str("master");
    reply.bulk_str("modules");
    reply.array(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_a_number_in_range() {
        assert_eq!(parse_db(b"3", 16), Ok(DbIndex(3)));
        assert_eq!(parse_db(b"16", 16), Err(CommandError::DB_INDEX));
        assert_eq!(parse_db(b"-1", 16), Err(CommandError::DB_INDEX));
        assert_eq!(
            parse_db(b"2147483648", 16).map_err(|error| error.to_string()),
            Err("ERR value is out of range, value must between -2147483648 and 2147483647".into())
        );
        assert_eq!(parse_db(b"x", 16), Err(CommandError::NOT_INTEGER));
    }
}
