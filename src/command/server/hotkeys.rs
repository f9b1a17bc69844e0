//! HOTKEYS: which keys cost most time and traffic.
//!
//! Every core looks at the commands of its own clients; GET adds up what all have seen.

use nix::sys::resource::{UsageWho, getrusage};

use super::Result;
use crate::base::parse_i64;
use crate::command::client::on_all;
use crate::command::ctx::{Flow, Gather, HomeCtx};
use crate::command::introspect::reply_help;
use crate::resp::{Args, CommandError, Reply};
use crate::stats::{Cost, HotKeys, HotKeysPlan};

/// Begins to look.
pub fn start(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let plan = parse(cx, args.from(2))?;
    let now = cx.now.ms.0;
    if (cx.core.hotkeys().as_ref()).is_some_and(|session| session.is_active(now)) {
        return Err(CommandError::HOTKEYS_ACTIVE);
    }
    Ok(on_all(move |core| {
        *core.hotkeys() = Some(HotKeys::new(plan));
        core.settle_hotkeys();
    }))
}

/// Stops looking; what was seen stays.
pub fn stop(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let now = cx.now.ms.0;
    if (cx.core.hotkeys().as_ref()).is_none_or(|session| !session.is_active(now)) {
        cx.reply.null();
        return Ok(Flow::Done);
    }
    let usage = usage_us();
    Ok(on_all(move |core| {
        if let Some(session) = core.hotkeys() {
            session.stopped.get_or_insert((now, usage));
        }
        core.settle_hotkeys();
    }))
}

/// Forgets what was seen.
pub fn reset(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let now = cx.now.ms.0;
    if (cx.core.hotkeys().as_ref()).is_some_and(|session| session.is_active(now)) {
        return Err(CommandError::HOTKEYS_IN_PROGRESS);
    }
    Ok(on_all(|core| {
        *core.hotkeys() = None;
        core.settle_hotkeys();
    }))
}

/// What was seen; null if nobody looked.
pub fn get(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let now = cx.now.ms.0;
    Ok(Flow::Gather(Gather::new(
        |core| core.hotkeys().clone(),
        move |cores: Vec<Option<HotKeys>>, reply| {
            let mut all: Option<HotKeys> = None;
            for core in cores.into_iter().flatten() {
                match &mut all {
                    Some(all) => all.merge(&core),
                    None => all = Some(core),
                }
            }
            match all {
                Some(all) => report(&all, now, reply),
                None => reply.null(),
            }
        },
    )))
}

/// The subcommands.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "HOTKEYS",
        &[
            "START METRICS <count> [CPU] [NET] [COUNT <keys>] [DURATION <seconds>] [SAMPLE <ratio>]",
            "    Begin to look which keys take most time or traffic; of every <ratio> commands at one.",
            "STOP",
            "    Stop looking. What was seen can still be asked for.",
            "GET",
            "    What was seen.",
            "RESET",
            "    Forget it.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}

/// Microseconds that the process has spent, in user and in kernel mode.
fn usage_us() -> (i64, i64) {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
    usage.map_or((0, 0), |usage| {
        let (user, system) = (usage.user_time(), usage.system_time());
        let us = |seconds: i64, micros: i64| seconds * 1_000_000 + micros;
        (
            us(user.tv_sec(), user.tv_usec()),
            us(system.tv_sec(), system.tv_usec()),
        )
    })
}

fn report(all: &HotKeys, now: i64, reply: &mut Reply<'_>) {
    let plan = all.plan;
    let (ended, usage) = match all.stopped {
        Some((at, usage)) => (at.min(plan.until_ms), usage),
        None => (now.min(plan.until_ms), usage_us()),
    };
    let ms = |now_us: i64, then_us: i64| (now_us - then_us).max(0) / 1000;
    let mut numbers = vec![
        ("tracking-active", i64::from(all.is_active(now))),
        ("sample-ratio", signed(plan.sample)),
    ];
    let rest = [
        ("all-commands-all-slots-us", signed(all.totals.nanos / 1000)),
        ("net-bytes-all-commands-all-slots", signed(all.totals.bytes)),
        ("collection-start-time-unix-ms", plan.started_ms),
        ("collection-duration-ms", ended - plan.started_ms),
    ];
    numbers.extend(rest);
    if plan.cpu {
        numbers.push(("total-cpu-time-user-ms", ms(usage.0, plan.usage_us.0)));
        numbers.push(("total-cpu-time-sys-ms", ms(usage.1, plan.usage_us.1)));
    }
    if plan.net {
        numbers.push(("total-net-bytes", signed(all.totals.bytes)));
    }
    let lists = usize::from(plan.cpu) + usize::from(plan.net);
    reply.array(2 * (numbers.len() + 1 + lists));
    for (at, (name, number)) in numbers.into_iter().enumerate() {
        if at == 2 {
            reply.bulk_str("selected-slots");
            reply.array(0);
        }
        reply.bulk_str(name);
        reply.integer(number);
    }
    let mut list = |name: &str, by: fn(&Cost) -> u64, unit: u64| {
        let keys = all.hottest(by, plan.count);
        reply.bulk_str(name);
        reply.array(2 * keys.len());
        for (key, cost) in keys {
            reply.bulk(&key);
            reply.integer(signed(by(&cost) / unit));
        }
    };
    if plan.cpu {
        list("by-cpu-time-us", Cost::time, 1000);
    }
    if plan.net {
        list("by-net-bytes", Cost::traffic, 1);
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// `METRICS count [CPU] [NET] [COUNT k] [DURATION seconds] [SAMPLE ratio]`. Metrics that are not known here are passed
/// over, as long as there is one that is.
fn parse(cx: &HomeCtx<'_>, args: Args<'_>) -> Result<HotKeysPlan> {
    if !args.is(0, "METRICS") || args.len() < 2 {
        return Err(CommandError::HOTKEYS_METRICS);
    }
    let count = parse_i64(args.arg(1)).and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|count| *count > 0);
    let count = count.ok_or(CommandError::HOTKEYS_METRICS_COUNT)?;
    if count > args.len() - 2 {
        return Err(CommandError::HOTKEYS_METRICS_MISMATCH);
    }
    let mut plan = HotKeysPlan {
        cpu: false,
        net: false,
        count: 10,
        sample: 1,
        started_ms: cx.now.ms.0,
        until_ms: i64::MAX,
        usage_us: usage_us(),
    };
    for at in 2..2 + count {
        let (is_on, twice) = match args {
            _ if args.is(at, "CPU") => (&mut plan.cpu, CommandError::HOTKEYS_CPU_TWICE),
            _ if args.is(at, "NET") => (&mut plan.net, CommandError::HOTKEYS_NET_TWICE),
            _ => continue,
        };
        if std::mem::replace(is_on, true) {
            return Err(twice);
        }
    }
    if !plan.cpu && !plan.net {
        return Err(CommandError::HOTKEYS_NO_METRICS);
    }
    let mut at = 2 + count;
    while at < args.len() {
        if args.is(at, "SLOTS") {
            return Err(CommandError::HOTKEYS_SLOTS);
        }
        let Some(value) = args.get(at + 1) else {
            return Err(CommandError::SYNTAX);
        };
        let number = || parse_i64(value).ok_or(CommandError::NOT_INTEGER);
        if args.is(at, "COUNT") {
            let keys = number()?;
            plan.count = match keys {
                1..=64 => keys.unsigned_abs() as usize,
                _ => return Err(CommandError::HOTKEYS_COUNT),
            };
        } else if args.is(at, "DURATION") {
            plan.until_ms = match number()? {
                seconds @ 1..=1_000_000 => plan.started_ms + 1000 * seconds,
                _ => return Err(CommandError::HOTKEYS_DURATION),
            };
        } else if args.is(at, "SAMPLE") {
            let ratio = u64::try_from(number()?).unwrap_or(0);
            if ratio == 0 {
                return Err(CommandError::HOTKEYS_SAMPLE);
            }
            plan.sample = ratio;
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 2;
    }
    Ok(plan)
}
