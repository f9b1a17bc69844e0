//! From templates to commands: random words, many of them at the edges of what commands take.

use super::table::{APART, FAMILIES, Family, Mode};
use crate::support::resp::quoted;
use crate::support::rng::Rng;

/// A command to send, and how to compare its replies.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) words: Vec<Vec<u8>>,
    pub(crate) mode: Mode,
}

impl Call {
    pub(crate) fn new(line: &str) -> Call {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec());
        Call {
            words: words.collect(),
            mode: Mode::Exact,
        }
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.words[0].eq_ignore_ascii_case(name.as_bytes())
    }

    /// As it can be typed again.
    pub(crate) fn shown(&self) -> String {
        let words = self.words.iter().map(|word| {
            let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\".contains(byte);
            match !word.is_empty() && word.iter().all(plain) {
                true => String::from_utf8_lossy(word).into_owned(),
                false => quoted(word),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Keys of each family, in each database.
const KEYS: usize = 5;
/// Numbers where something may overflow or change its sign.
const EDGES: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "4294967295",
    "4294967296",
    "4294967297",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "01",
    "+1",
    " 1",
    "1 ",
    "",
    "1.0",
    "1e3",
    "nan",
    "inf",
    "-inf",
    "0x10",
    "536870911",
    "536870912",
    "4611686018427387904",
];
const SMALL: &[&str] = &[
    "0", "1", "2", "3", "5", "7", "10", "-1", "-2", "-3", "-5", "100", "-100",
];

/// One row of the table that both servers can answer.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) family: &'static Family,
    pub(crate) mode: Mode,
    pub(crate) template: &'static str,
}

/// Every row of the table.
pub(crate) fn rows() -> Vec<Row> {
    let rows = FAMILIES.iter().flat_map(|family| {
        family.rows.iter().map(move |&(mode, template)| Row {
            family,
            mode,
            template,
        })
    });
    rows.collect()
}

/// The commands of one round, of a few families so that they meet.
pub(crate) fn round(rows: &[Row], rng: &mut Rng, len: usize) -> Vec<Call> {
    let names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
    let chosen = [
        names[rng.below(names.len())],
        names[rng.below(names.len())],
        "keys",
    ];
    let often: Vec<Row> = rows
        .iter()
        .filter(|row| chosen[..2].contains(&row.family.name))
        .copied()
        .collect();
    let keys: Vec<Row> = rows
        .iter()
        .filter(|row| row.family.name == chosen[2])
        .copied()
        .collect();
    let mut calls = Vec::new();
    let mut in_multi = false;
    while calls.len() < len || in_multi {
        match rng.below(40) {
            0 if !in_multi => {
                calls.push(Call::new("MULTI"));
                in_multi = true;
            }
            1..8 if in_multi => {
                let end = ["EXEC", "EXEC", "EXEC", "DISCARD"][rng.below(4)];
                calls.push(Call::new(end));
                in_multi = false;
            }
            2 if !in_multi => calls.push(Call::new(&format!("WATCH {}", any_key(rng)))),
            _ => {
                let from = match rng.below(10) {
                    0 => rows,
                    1..3 => &keys,
                    _ if often.is_empty() => rows,
                    _ => &often,
                };
                calls.push(call(from[rng.below(from.len())], rng));
            }
        }
    }
    calls
}

/// One command from one row; now and then it is damaged.
pub(crate) fn call(row: Row, rng: &mut Rng) -> Call {
    let tokens: Vec<&str> = row.template.split(' ').collect();
    let mut words = Vec::new();
    expand(&tokens, row.family.prefix, rng, &mut words);
    // A time-out that is damaged may wait for good.
    let waits = tokens
        .iter()
        .any(|token| ["0.001", "BLOCK"].contains(token));
    // Others may not touch these keys, nor these rows other keys. And a large negative count of random elements is
    // a reply of as many.
    let is_apart = tokens.contains(&"<own>") || tokens.contains(&"<rnd>");
    // 7.2 takes more arguments here; and a cursor means something to the one who gave it only.
    // One member of a set is any.
    let is_other = ["ZRANK", "ZREVRANK", "SPOP"].contains(&tokens[0])
        || [Mode::Page, Mode::PairPage].contains(&row.mode);
    if !waits && !is_apart && !is_other && rng.below(30) == 0 {
        damage(&mut words, rng);
    }
    Call {
        words,
        mode: row.mode,
    }
}

fn damage(words: &mut Vec<Vec<u8>>, rng: &mut Rng) {
    let at = 1 + rng.below(words.len());
    match rng.below(4) {
        0 if words.len() > 1 => drop(words.pop()),
        1 => words.insert(at, pick(EDGES, rng)),
        2 if at < words.len() => drop(words.remove(at)),
        _ if at < words.len() => words[at] = pick(EDGES, rng),
        _ => words.push(pick(EDGES, rng)),
    }
}

/// Where the bracket that opens before `tokens` closes.
fn closing(tokens: &[&str]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "[" | "{" | "(" => depth += 1,
            "]" | "}" | ")" if depth == 0 => return at,
            "]" | "}" | ")" => depth -= 1,
            _ => {}
        }
    }
    panic!("a bracket is not closed in {tokens:?}")
}

/// Cuts at the bars that are in no bracket.
fn alternatives<'a>(tokens: &'a [&'a str]) -> Vec<&'a [&'a str]> {
    let (mut depth, mut start, mut all) = (0, 0, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "[" | "{" | "(" => depth += 1,
            "]" | "}" | ")" => depth -= 1,
            "|" if depth == 0 => {
                all.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    all.push(&tokens[start..]);
    all
}

fn expand(tokens: &[&str], prefix: &str, rng: &mut Rng, words: &mut Vec<Vec<u8>>) {
    let mut at = 0;
    while at < tokens.len() {
        let token = tokens[at];
        at += 1;
        if matches!(token, "[" | "{" | "(") {
            let end = at + closing(&tokens[at..]);
            let inner = &tokens[at..end];
            at = end + 1;
            match token {
                "[" if rng.below(2) == 0 => expand(inner, prefix, rng, words),
                "[" => {}
                "{" => {
                    let all = alternatives(inner);
                    expand(all[rng.below(all.len())], prefix, rng, words);
                }
                _ => (0..1 + rng.below(4)).for_each(|_| expand(inner, prefix, rng, words)),
            }
        } else if let Some(kind) = token.strip_prefix('<') {
            fill(kind.trim_end_matches('>'), prefix, rng, words);
        } else {
            words.push(token.as_bytes().to_vec());
        }
    }
}

fn pick(from: &[&str], rng: &mut Rng) -> Vec<u8> {
    from[rng.below(from.len())].as_bytes().to_vec()
}

fn any_key(rng: &mut Rng) -> String {
    let prefix = loop {
        match FAMILIES[rng.below(FAMILIES.len())].prefix {
            APART => {}
            prefix => break prefix,
        }
    };
    format!("{prefix}{}", rng.below(KEYS))
}

fn key(prefix: &str, rng: &mut Rng) -> Vec<u8> {
    match rng.below(15) {
        0 => any_key(rng).into_bytes(),
        _ => format!("{prefix}{}", rng.below(KEYS)).into_bytes(),
    }
}

/// One of a few elements, so that collections have some in common.
fn element(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0 => pick(EDGES, rng),
        1 => "long ".repeat([5, 14, 60][rng.below(3)]).into_bytes(),
        2..5 => rng.below(20).to_string().into_bytes(),
        _ => vec![b'a' + rng.below(12) as u8],
    }
}

fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0 => pick(EDGES, rng),
        1 => Vec::new(),
        2 => (0..rng.below(40)).map(|_| rng.next() as u8).collect(),
        3 => vec![b'x'; [43, 44, 45, 64, 65, 1000, 20_000][rng.below(7)]],
        4 => format!("{}.{}", rng.below(100), rng.below(1000)).into_bytes(),
        5..8 => rng.below(1000).to_string().into_bytes(),
        _ => element(rng),
    }
}

/// A small number, or one at an edge.
fn number(rng: &mut Rng, edges: usize) -> Vec<u8> {
    match rng.below(edges) {
        0 => pick(EDGES, rng),
        _ => pick(SMALL, rng),
    }
}

/// Numbers whose sums are exact.
fn score(rng: &mut Rng) -> String {
    match rng.below(20) {
        0 => ["inf", "-inf", "1e20", "-1e-7", "nan", "x", "", "17.000000"][rng.below(8)].to_owned(),
        1..6 => format!("{}.{}", rng.below(10), ["5", "25", "125"][rng.below(3)]),
        _ => (rng.below(20) as i64 - 5).to_string(),
    }
}

fn id(rng: &mut Rng) -> String {
    match rng.below(12) {
        0 => [
            "0",
            "-",
            "1-",
            "x",
            "0-0",
            "18446744073709551615-18446744073709551615",
        ][rng.below(6)]
        .to_owned(),
        1..3 => rng.below(60).to_string(),
        _ => format!("{}-{}", rng.below(60), rng.below(3)),
    }
}

fn fill(kind: &str, prefix: &str, rng: &mut Rng, words: &mut Vec<Vec<u8>>) {
    let word = match kind {
        "key" => key(prefix, rng),
        "own" => format!("{prefix}{}", rng.below(KEYS)).into_bytes(),
        "any" => any_key(rng).into_bytes(),
        "nkeys" => {
            let count = 1 + rng.below(3);
            let told = match rng.below(25) {
                0 => pick(EDGES, rng),
                _ => count.to_string().into_bytes(),
            };
            words.push(told);
            (0..count).for_each(|_| words.push(key(prefix, rng)));
            return;
        }
        "val" => value(rng),
        "el" => element(rng),
        // Many at once: collections become large, and an even count serves as fields and values.
        "els" => {
            let count = 2 * [2, 10, 80, 300][rng.below(4)];
            let kind = rng.below(3);
            for i in 0..count {
                words.push(
                    match kind {
                        0 => format!("{}", i * 3),
                        1 => format!("member:{i}"),
                        _ => format!("{}{}", "y".repeat(i % 70), i),
                    }
                    .into_bytes(),
                );
            }
            return;
        }
        "scored" => {
            for i in 0..[3, 40, 300][rng.below(3)] {
                words.push((i % 17).to_string().into_bytes());
                words.push(format!("member:{i}").into_bytes());
            }
            return;
        }
        "edge" => pick(EDGES, rng),
        "int" => number(rng, 3),
        "idx" => number(rng, 10),
        "rnd" => match rng.below(8) {
            0 => pick(&["9223372036854775807", "-9223372036854775808", "x"], rng),
            _ => pick(SMALL, rng),
        },
        "cnt" => match rng.below(12) {
            0 => number(rng, 3),
            _ => rng.below(12).to_string().into_bytes(),
        },
        "num" => score(rng).into_bytes(),
        // Nothing that ends while the round lasts, and what has ended already.
        "ttl" => pick(
            &[
                "1000",
                "5000",
                "100000",
                "0",
                "-1",
                "9223372036854775807",
                "x",
            ],
            rng,
        ),
        "ttlms" => pick(
            &[
                "1000000",
                "5000000",
                "0",
                "-1",
                "9223372036854775807",
                "-9223372036854775808",
            ],
            rng,
        ),
        // Not what has passed: such a key is counted until somebody notices.
        "at" => pick(
            &[
                "4000000000",
                "4000000001",
                "0",
                "-1",
                "9223372036854775",
                "9223372036854776",
            ],
            rng,
        ),
        "atms" => pick(
            &[
                "4000000000000",
                "4000000000001",
                "0",
                "-1",
                "9223372036854775807",
            ],
            rng,
        ),
        // Not so far that memory has to be cleared for it again and again.
        "offset" => match rng.below(8) {
            0 => pick(
                &["-1", "536870912", "9223372036854775807", "x", "2147483648"],
                rng,
            ),
            _ => rng.below(300).to_string().into_bytes(),
        },
        "bit" => match rng.below(8) {
            0 => pick(
                &["-1", "4294967296", "9223372036854775807", "x", "100000"],
                rng,
            ),
            _ => rng.below(2000).to_string().into_bytes(),
        },
        "bits" => match rng.below(10) {
            0 => pick(&["u64", "i65", "u0", "i0", "x", "u", "i64", "u63"], rng),
            _ => format!("{}{}", ["u", "i"][rng.below(2)], 1 + rng.below(63)).into_bytes(),
        },
        "field" => match rng.below(10) {
            0 => pick(
                &["-1", "#-1", "#", "4294967295", "#9223372036854775807", "x"],
                rng,
            ),
            _ => format!("{}{}", ["", "#"][rng.below(2)], rng.below(60)).into_bytes(),
        },
        "score" => match rng.below(6) {
            0 => pick(
                &["-inf", "+inf", "inf", "(1", "(-3", "(", "((1", "(inf"],
                rng,
            ),
            _ => score(rng).into_bytes(),
        },
        "lex" => match rng.below(3) {
            0 => pick(&["-", "+", "[", "(", "a", "", "--"], rng),
            _ => [&b"[("[rng.below(2)..][..1], &element(rng)].concat(),
        },
        "pattern" => pick(
            &[
                "*",
                "?*",
                "[a-h]*",
                "member:1*",
                "*1",
                "s[0-2]",
                "nothing",
                "\\*",
                "",
            ],
            rng,
        ),
        "id" => id(rng).into_bytes(),
        // Not the last that there is: 7.0 forgets that it was deleted.
        "newid" => match rng.below(4) {
            0 => pick(&["0", "-", "1-", "x", "0-0", "61-1"], rng),
            1 => format!("{}-*", rng.below(60)).into_bytes(),
            _ => format!("{}-{}", rng.below(100), 1 + rng.below(2)).into_bytes(),
        },
        "from" | "to" => match rng.below(4) {
            0 => pick(&["-", "+", "(1-1", "(", "(5"], rng),
            _ => id(rng).into_bytes(),
        },
        // Redis misses some of what is far away from the edge of the map.
        "lon" => match rng.below(20) {
            0 => pick(&["181", "-179", "x", "nan"], rng),
            _ => format!("{}.{}", rng.below(300) as i64 - 150, rng.below(1000)).into_bytes(),
        },
        "lat" => match rng.below(20) {
            0 => pick(&["85.06", "-85.05", "90", "x"], rng),
            _ => format!("{}.{}", rng.below(160) as i64 - 80, rng.below(1000)).into_bytes(),
        },
        "radius" => match rng.below(20) {
            0 => pick(&["0", "-1", "x", "inf"], rng),
            _ => [1, 100, 3000, 15_000][rng.below(4)]
                .to_string()
                .into_bytes(),
        },
        other => panic!("<{other}> is no kind of word"),
    };
    words.push(word);
}
