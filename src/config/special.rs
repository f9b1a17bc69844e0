//! Directives with a grammar of their own: addresses, save points, output limits, percentiles, event classes.

use super::setting::{Line, Origin, Reason, WRONG_NUMBER_OF_ARGUMENTS};
use super::table::Config;
use super::types::{KeyspaceEvents, MasterAddress, OutputClass, OutputLimit, SavePoint};
use super::value;
use super::words;
use crate::base::parse_f64;

type Set = fn(&mut Config, &[Vec<u8>], Origin) -> Result<(), Reason>;

/// A directive that is not of one of the common kinds.
pub(super) struct Special {
    /// Replaces the value, or refuses and leaves it.
    pub(super) set: Set,
    pub(super) get: fn(&Config) -> Vec<u8>,
    /// From the value, the defaults and the directive's name.
    pub(super) lines: fn(&Config, &Config, &str) -> Vec<Line>,
}

pub(super) static BIND: Special = Special {
    set: |config, words, _| {
        config.bind = addresses(words)?;
        Ok(())
    },
    get: |config| config.bind.join(" ").into(),
    lines: |config, defaults, name| address_lines(name, &config.bind, config.bind != defaults.bind),
};

pub(super) static RDMA_BIND: Special = Special {
    set: |config, words, _| {
        config.rdma_bind = addresses(words)?;
        Ok(())
    },
    get: |config| config.rdma_bind.join(" ").into(),
    lines: |config, defaults, name| {
        if config.rdma_bind.is_empty() {
            return Vec::new();
        }
        address_lines(
            name,
            &config.rdma_bind,
            config.rdma_bind != defaults.rdma_bind,
        )
    },
};

/// Listening addresses; more than anyone has interfaces to tell apart.
const ADDRESSES_MAX: usize = 16;

fn addresses(words: &[Vec<u8>]) -> Result<Vec<String>, Reason> {
    if words.len() > ADDRESSES_MAX {
        return Err("Too many bind addresses specified.".into());
    }
    if let [word] = words
        && word.is_empty()
    {
        return Ok(Vec::new());
    }
    let text = |word: &Vec<u8>| {
        String::from_utf8(word.clone()).map_err(|_| Reason::from("argument must be valid UTF-8"))
    };
    words.iter().map(text).collect()
}

fn address_lines(name: &str, addresses: &[String], needed: bool) -> Vec<Line> {
    // Quoted where necessary: nothing a client sends may become a line of its own in the file.
    let words: Vec<&[u8]> = addresses.iter().map(String::as_bytes).collect();
    let value = if words.is_empty() {
        b"\"\"".to_vec()
    } else {
        words::join(&words)
    };
    vec![Line::new(name, &value, needed)]
}

/// The working directory. It is relative to the one before it, as a change of directory is; the server makes the
/// change and puts the absolute path here.
pub(super) static DIR: Special = Special {
    set: |config, words, _| {
        let [word] = words else {
            return Err(WRONG_NUMBER_OF_ARGUMENTS.into());
        };
        let dir = str::from_utf8(word).map_err(|_| "argument must be valid UTF-8")?;
        if dir.is_empty() {
            return Err("No such file or directory".into());
        }
        config.dir = if dir.starts_with('/') || config.dir.is_empty() {
            dir.to_owned()
        } else {
            format!("{}/{dir}", config.dir.trim_end_matches('/'))
        };
        Ok(())
    },
    get: |config| config.dir.clone().into(),
    lines: |config, _, name| {
        if config.dir.is_empty() {
            return Vec::new();
        }
        let mut quoted = Vec::new();
        words::quote(&mut quoted, config.dir.as_bytes());
        vec![Line::new(name, &quoted, true)]
    },
};

pub(super) static SAVE: Special = Special {
    set: |config, words, origin| {
        let cleared = matches!(words, [word] if word.is_empty());
        let points = if cleared {
            Vec::new()
        } else {
            save_points(words)?
        };
        // Lines of a file add up; the first one replaces the defaults.
        if cleared || origin != (Origin::File { first_save: false }) {
            config.save = points;
        } else {
            config.save.extend(points);
        }
        Ok(())
    },
    get: |config| {
        let points = config
            .save
            .iter()
            .map(|point| format!("{} {}", point.seconds, point.changes));
        points.collect::<Vec<_>>().join(" ").into()
    },
    // Always written: without a line, a start would take the defaults.
    lines: |config, _, name| {
        if config.save.is_empty() {
            return vec![Line::new(name, b"\"\"", true)];
        }
        let line = |point: &SavePoint| {
            let value = format!("{} {}", point.seconds, point.changes);
            Line::new(name, value.as_bytes(), true)
        };
        config.save.iter().map(line).collect()
    },
};

fn save_points(words: &[Vec<u8>]) -> Result<Vec<SavePoint>, Reason> {
    const INVALID: &str = "Invalid save parameters";
    let (pairs, rest) = words.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(INVALID.into());
    }
    let point = |[seconds, changes]: &[Vec<u8>; 2]| {
        let seconds = value::c_integer(seconds).filter(|seconds| *seconds >= 1)?;
        let changes = value::c_integer(changes).filter(|changes| *changes >= 0)?;
        Some(SavePoint { seconds, changes })
    };
    let points: Option<Vec<SavePoint>> = pairs.iter().map(point).collect();
    points.ok_or_else(|| INVALID.into())
}

pub(super) static CLIENT_OUTPUT_BUFFER_LIMIT: Special = Special {
    set: |config, words, _| {
        let (groups, rest) = words.as_chunks::<4>();
        if !rest.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        let mut limits = config.client_output_buffer_limit;
        for [class, hard, soft, seconds] in groups {
            let class = output_class(class)
                .ok_or("Invalid client class specified in buffer limit configuration.")?;
            limits[class as usize] = output_limit(hard, soft, seconds).ok_or(
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            )?;
        }
        config.client_output_buffer_limit = limits;
        Ok(())
    },
    get: |config| {
        let limit = |(class, limit): (&(&str, OutputClass), &OutputLimit)| {
            format!(
                "{} {} {} {}",
                class.0, limit.hard_bytes, limit.soft_bytes, limit.soft_seconds
            )
        };
        let limits = OutputClass::NAMED
            .iter()
            .zip(&config.client_output_buffer_limit)
            .map(limit);
        limits.collect::<Vec<_>>().join(" ").into()
    },
    lines: |config, defaults, name| {
        let line = |(_, class): &(&str, OutputClass)| {
            let limit = config.client_output_buffer_limit[*class as usize];
            let default = defaults.client_output_buffer_limit[*class as usize];
            let class = match class {
                OutputClass::Normal => "normal",
                OutputClass::Replica => "replica",
                OutputClass::Pubsub => "pubsub",
            };
            let hard = value::with_unit(limit.hard_bytes);
            let soft = value::with_unit(limit.soft_bytes);
            let value = format!("{class} {hard} {soft} {}", limit.soft_seconds);
            Line::new(name, value.as_bytes(), limit != default)
        };
        OutputClass::NAMED.iter().map(line).collect()
    },
};

fn output_class(word: &[u8]) -> Option<OutputClass> {
    if word.eq_ignore_ascii_case(b"replica") {
        return Some(OutputClass::Replica);
    }
    let mut classes = OutputClass::NAMED.iter();
    let named = classes.find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    named.map(|(_, class)| *class)
}

fn output_limit(hard: &[u8], soft: &[u8], seconds: &[u8]) -> Option<OutputLimit> {
    Some(OutputLimit {
        hard_bytes: value::memory(hard)?,
        soft_bytes: value::memory(soft)?,
        soft_seconds: value::c_integer(seconds).filter(|seconds| *seconds >= 0)?,
    })
}

pub(super) static OOM_SCORE_ADJ_VALUES: Special = Special {
    set: |config, words, _| {
        let Ok(words) = <&[Vec<u8>; 3]>::try_from(words) else {
            return Err(WRONG_NUMBER_OF_ARGUMENTS.into());
        };
        let mut values = [0; 3];
        for (value, word) in values.iter_mut().zip(words) {
            *value = value::c_integer(word)
                .filter(|score| (-2000..=2000).contains(score))
                .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
        }
        config.oom_score_adj_values = values;
        Ok(())
    },
    get: |config| oom_scores(config).into(),
    lines: |config, defaults, name| {
        let needed = config.oom_score_adj_values != defaults.oom_score_adj_values;
        vec![Line::new(name, oom_scores(config).as_bytes(), needed)]
    },
};

fn oom_scores(config: &Config) -> String {
    config
        .oom_score_adj_values
        .map(|score| score.to_string())
        .join(" ")
}

pub(super) static NOTIFY_KEYSPACE_EVENTS: Special = Special {
    set: |config, words, _| {
        let [word] = words else {
            return Err(WRONG_NUMBER_OF_ARGUMENTS.into());
        };
        config.notify_keyspace_events = KeyspaceEvents::parse(word)
            .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
        Ok(())
    },
    get: |config| config.notify_keyspace_events.letters(),
    lines: |config, defaults, name| {
        let mut quoted = Vec::new();
        words::quote(&mut quoted, &config.notify_keyspace_events.letters());
        let needed = config.notify_keyspace_events != defaults.notify_keyspace_events;
        vec![Line::new(name, &quoted, needed)]
    },
};

pub(super) static REPLICAOF: Special = Special {
    set: |config, words, _| {
        let [host, port] = words else {
            return Err(WRONG_NUMBER_OF_ARGUMENTS.into());
        };
        config.replicaof = if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one")
        {
            None
        } else {
            Some(master_address(host, port)?)
        };
        Ok(())
    },
    get: |config| match &config.replicaof {
        Some(master) => format!("{} {}", master.host, master.port).into(),
        None => Vec::new(),
    },
    lines: |config, _, name| match &config.replicaof {
        // A cluster node learns its role from the cluster.
        Some(master) if !config.cluster_enabled => {
            let value = words::join(&[master.host.as_bytes(), master.port.to_string().as_bytes()]);
            vec![Line::new(name, &value, true)]
        }
        _ => Vec::new(),
    },
};

fn master_address(host: &[u8], port: &[u8]) -> Result<MasterAddress, Reason> {
    let port = value::c_integer(port).and_then(|port| u16::try_from(port).ok());
    let host = String::from_utf8(host.to_vec()).map_err(|_| "argument must be valid UTF-8")?;
    Ok(MasterAddress {
        host,
        port: port.ok_or("Invalid master port")?,
    })
}

pub(super) static LATENCY_TRACKING_INFO_PERCENTILES: Special = Special {
    set: |config, words, _| {
        let words = if matches!(words, [word] if word.is_empty()) {
            &[]
        } else {
            words
        };
        let mut percentiles = Vec::with_capacity(words.len());
        for word in words {
            let percentile =
                parse_f64(word).ok_or("Invalid latency-tracking-info-percentiles parameters")?;
            if !(0.0..=100.0).contains(&percentile) {
                return Err(
                    "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
                        .into(),
                );
            }
            percentiles.push(percentile);
        }
        config.latency_tracking_info_percentiles = percentiles;
        Ok(())
    },
    get: percentiles,
    // Always written, like `save`, and with all digits.
    lines: |config, _, name| {
        let percentiles = &config.latency_tracking_info_percentiles;
        let words: Vec<String> = percentiles.iter().map(f64::to_string).collect();
        let value = if words.is_empty() {
            "\"\"".to_owned()
        } else {
            words.join(" ")
        };
        vec![Line::new(name, value.as_bytes(), true)]
    },
};

fn percentiles(config: &Config) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, percentile) in config.latency_tracking_info_percentiles.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        value::write_decimal(&mut out, *percentile);
    }
    out
}
