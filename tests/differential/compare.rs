//! Whether two replies say the same.

use super::generate::Call;
use super::table::Mode;
use crate::support::Value;

/// What 7.0 says, and what 7.2 says instead.
const LATER: &[(&str, &str)] = &[
    (
        UNBALANCED,
        "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.",
    ),
    (
        UNBALANCED,
        "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.",
    ),
];
const UNBALANCED: &str =
    "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.";

/// Whether what the two say of this call may differ because 7.0 did what it should not.
pub(crate) fn is_later(call: &Call) -> bool {
    // 7.0 negates this rank.
    call.is("LPOS") && (call.words.iter()).any(|word| word == b"-9223372036854775808")
}

/// `ours` against `theirs`, which is right.
pub(crate) fn alike(mode: Mode, ours: &Value, theirs: &Value) -> bool {
    if matches!(ours, Value::Error(_)) || matches!(theirs, Value::Error(_)) {
        let later = (theirs.text(), ours.text());
        let later = |(old, new): &(&str, &str)| *old == later.0 && *new == later.1;
        return ours == theirs || LATER.iter().any(later);
    }
    match mode {
        Mode::Exact => ours == theirs,
        Mode::Floats => floats(ours, theirs),
        Mode::Near => floats(ours, theirs) || bag(&plain(ours), 1) == bag(&plain(theirs), 1),
        Mode::Bag => ours == theirs || bag(ours, 1) == bag(theirs, 1),
        Mode::Pairs => ours == theirs || bag(ours, 2) == bag(theirs, 2),
        Mode::Page => page(ours, 1) == page(theirs, 1),
        Mode::PairPage => page(&plain(ours), 2) == page(&plain(theirs), 2),
        Mode::Clock => match (ours, theirs) {
            // Within two seconds, whichever the unit is. What has no time says so exactly.
            (Value::Int(a), Value::Int(b)) if *a > 0 && *b > 0 => a.abs_diff(*b) <= 2000,
            _ => ours == theirs,
        },
        Mode::Shape => shape(ours) == shape(theirs),
        Mode::Encoding => encoding(ours) == encoding(theirs),
    }
}

/// With numbers written in one way: 7.2 writes the shortest digits.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Value::Bulk(text) => match value.text().parse::<f64>() {
            Ok(number) if text.iter().any(u8::is_ascii_digit) => {
                Value::Bulk(number.to_string().into_bytes())
            }
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Groups of `size` elements, sorted; maps are pairs.
fn bag(value: &Value, size: usize) -> Option<Vec<String>> {
    let mut groups: Vec<String> = match value {
        Value::Array(items) | Value::Set(items) => items
            .chunks(size)
            .map(|group| format!("{group:?}"))
            .collect(),
        Value::Map(pairs) => pairs.iter().map(|pair| format!("{pair:?}")).collect(),
        _ => return None,
    };
    groups.sort();
    // A map does not become a flat array in the same protocol, but a set is not an array either.
    groups.push(format!("{:?}", std::mem::discriminant(value)));
    Some(groups)
}

fn page(value: &Value, size: usize) -> Option<(String, Vec<String>)> {
    match value {
        Value::Array(items) if items.len() == 2 => {
            Some((format!("{:?}", items[0]), bag(&items[1], size)?))
        }
        _ => None,
    }
}

fn floats(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| floats(a, b))
        }
        (Value::Bulk(_), Value::Bulk(_)) | (Value::Double(_), Value::Double(_)) if a != b => {
            // Coordinates and distances may differ in the last digit that is written.
            match (a.text().parse::<f64>(), b.text().parse::<f64>()) {
                (Ok(a), Ok(b)) => (a - b).abs() <= a.abs() * 1e-15,
                _ => false,
            }
        }
        _ => a == b,
    }
}

fn shape(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("{}", items.len()),
        other => format!("{:?}", std::mem::discriminant(other)),
    }
}

/// 7.0 knows no small lists and no small sets of strings, and SORT makes a sorted set a large one there.
fn encoding(value: &Value) -> String {
    match &value.text()[..] {
        "listpack" | "quicklist" | "hashtable" | "intset" | "skiplist" => {
            "small or large".to_owned()
        }
        _ => format!("{value:?}"),
    }
}
