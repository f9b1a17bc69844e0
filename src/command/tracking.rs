//! CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR: what a client that caches asks for.

use super::ctx::{Flow, HomeCtx};
use crate::base::parse_i64;
use crate::resp::{Args, CommandError};
use crate::session::{Redirect, Tracking, TrackingMode};

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// Starts, changes or ends tracking.
pub fn tracking(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let (mut wanted, modes) = parse(args.from(3))?;
    if args.is(2, "OFF") {
        return Ok(Flow::Tracking(None));
    }
    if !args.is(2, "ON") {
        return Err(CommandError::SYNTAX);
    }
    if modes.prefix && !modes.broadcast {
        return Err(CommandError::TRACKING_PREFIX_WITHOUT_BCAST);
    }
    if let Some(old) = &cx.session.tracking {
        let was_broadcast = old.mode == TrackingMode::Broadcast;
        if was_broadcast != modes.broadcast {
            return Err(CommandError::TRACKING_BCAST_SWITCH);
        }
        let was_opt = (
            old.mode == TrackingMode::OptIn,
            old.mode == TrackingMode::OptOut,
        );
        if !modes.broadcast && (modes.optin, modes.optout) != was_opt {
            let leaves = was_opt.0 && modes.optout || was_opt.1 && modes.optin;
            if leaves {
                return Err(CommandError::TRACKING_OPT_SWITCH);
            }
        }
    }
    if modes.broadcast && (modes.optin || modes.optout) {
        return Err(CommandError::TRACKING_OPT_WITH_BCAST);
    }
    if modes.optin && modes.optout {
        return Err(CommandError::TRACKING_OPTIN_AND_OPTOUT);
    }
    wanted.mode = match (modes.broadcast, modes.optin, modes.optout) {
        (true, ..) => TrackingMode::Broadcast,
        (_, true, _) => TrackingMode::OptIn,
        (_, _, true) => TrackingMode::OptOut,
        _ => TrackingMode::Default,
    };
    for (nth, prefix) in wanted.prefixes.iter().enumerate() {
        let mut later = wanted.prefixes[nth + 1..].iter();
        if let Some(other) = later.find(|other| overlap(other, prefix)) {
            return Err(CommandError::prefixes_overlap(prefix, other));
        }
    }
    if modes.broadcast {
        let mut all = match &cx.session.tracking {
            Some(old) => old.prefixes.clone(),
            None => Vec::new(),
        };
        let new = match wanted.prefixes.is_empty() && all.is_empty() {
            true => vec![Vec::new()],
            false => std::mem::take(&mut wanted.prefixes),
        };
        for prefix in new {
            if let Some(other) = all
                .iter()
                .find(|other| **other != prefix && overlap(other, &prefix))
            {
                return Err(CommandError::prefix_overlaps(&prefix, other));
            }
            if !all.contains(&prefix) {
                all.push(prefix);
            }
        }
        wanted.prefixes = all;
    }
    Ok(Flow::Tracking(Some(wanted)))
}

#[derive(Default)]
struct Modes {
    broadcast: bool,
    optin: bool,
    optout: bool,
    prefix: bool,
}

fn parse(options: Args<'_>) -> Result<(Box<Tracking>, Modes)> {
    let mut tracking = Box::<Tracking>::default();
    let mut modes = Modes::default();
    let mut at = 0;
    while at < options.len() {
        let value = options.get(at + 1);
        if options.is(at, "REDIRECT")
            && let Some(id) = value
        {
            at += 1;
            if tracking.redirect.is_some() {
                return Err(CommandError::TRACKING_TWO_REDIRECTS);
            }
            let id = parse_i64(id).ok_or(CommandError::NOT_INTEGER)?;
            let id = u64::try_from(id).map_err(|_| CommandError::TRACKING_REDIRECT_GONE)?;
            tracking.redirect = Some(Redirect::new(id));
        } else if options.is(at, "BCAST") {
            modes.broadcast = true;
        } else if options.is(at, "OPTIN") {
            modes.optin = true;
        } else if options.is(at, "OPTOUT") {
            modes.optout = true;
        } else if options.is(at, "NOLOOP") {
            tracking.noloop = true;
        } else if options.is(at, "PREFIX")
            && let Some(prefix) = value
        {
            at += 1;
            modes.prefix = true;
            tracking.prefixes.push(prefix.to_vec());
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 1;
    }
    Ok((tracking, modes))
}

fn overlap(one: &[u8], other: &[u8]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// Says whether what the next command reads is remembered.
pub fn caching(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let Some(tracking) = &mut cx.session.tracking else {
        return Err(CommandError::CACHING_WITHOUT_TRACKING);
    };
    let wanted = match () {
        () if args.is(2, "YES") => true,
        () if args.is(2, "NO") => false,
        () => return Err(CommandError::SYNTAX),
    };
    match (tracking.mode, wanted) {
        (TrackingMode::OptIn, true) | (TrackingMode::OptOut, false) => {}
        (TrackingMode::OptOut, true) => return Err(CommandError::CACHING_NOT_OPTIN),
        (TrackingMode::OptIn, false) => return Err(CommandError::CACHING_NOT_OPTOUT),
        (TrackingMode::Default | TrackingMode::Broadcast, _) => {
            return Err(CommandError::CACHING_WITHOUT_TRACKING);
        }
    }
    tracking.caching = Some(wanted);
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Which client gets the messages: -1 without tracking, 0 for the client itself.
pub fn getredir(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let target = redirection(cx);
    cx.reply.integer(target);
    Ok(Flow::Done)
}

fn redirection(cx: &HomeCtx<'_>) -> i64 {
    match &cx.session.tracking {
        None => -1,
        Some(tracking) => tracking
            .redirect
            .as_ref()
            .map_or(0, |target| target.client as i64),
    }
}

/// The state of tracking.
pub fn trackinginfo(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let target = redirection(cx);
    let mut flags = Vec::new();
    let mut prefixes: &[Vec<u8>] = &[];
    match &cx.session.tracking {
        None => flags.push("off"),
        Some(tracking) => {
            flags.push("on");
            match (tracking.mode, tracking.caching) {
                (TrackingMode::Default, _) => {}
                (TrackingMode::Broadcast, _) => flags.push("bcast"),
                (TrackingMode::OptIn, caching) => {
                    flags.push("optin");
                    flags.extend(caching.map(|_| "caching-yes"));
                }
                (TrackingMode::OptOut, caching) => {
                    flags.push("optout");
                    flags.extend(caching.map(|_| "caching-no"));
                }
            }
            if tracking.noloop {
                flags.push("noloop");
            }
            if tracking.redirect.as_ref().is_some_and(Redirect::is_broken) {
                flags.push("broken_redirect");
            }
            prefixes = &tracking.prefixes;
        }
    }
    cx.reply.map(3);
    cx.reply.bulk_str("flags");
    cx.reply.set(flags.len());
    flags.iter().for_each(|flag| cx.reply.bulk_str(flag));
    cx.reply.bulk_str("redirect");
    cx.reply.integer(target);
    cx.reply.bulk_str("prefixes");
    cx.reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| cx.reply.bulk(prefix));
    Ok(Flow::Done)
}
