//! Any bytes are a listpack or refused; one that is taken walks alike in both directions and is edited like a list.
//!
//! The input's first byte says how many of the rest are the listpack; what follows are orders.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera::types::{Item, Listpack, Pos};

fuzz_target!(|input: &[u8]| {
    let [len, rest @ ..] = input else {
        return;
    };
    let (bytes, orders) = rest.split_at(usize::from(*len).min(rest.len()));
    let mut pack = match Listpack::from_bytes(bytes.to_vec()) {
        Some(pack) => {
            assert_eq!(pack.len(), walk(&pack).len());
            pack
        }
        None => Listpack::new(),
    };
    let mut model = walk(&pack);
    for order in orders.chunks_exact(3).take(64) {
        let text = text_of(order[1], order[2]);
        let at = usize::from(order[1]) % model.len().max(1);
        match (order[0] % 7, place(&pack, at)) {
            (0, _) => {
                pack.push_back(&text);
                model.push(text);
            }
            (1, _) => {
                pack.push_front(&text);
                model.insert(0, text);
            }
            (2, Some(pos)) => {
                pack.insert_before(pos, &text);
                model.insert(at, text);
            }
            (3, Some(pos)) => {
                pack.insert_after(pos, &text);
                model.insert(at + 1, text);
            }
            (4, Some(pos)) => {
                pack.replace(pos, &text);
                model[at] = text;
            }
            (5, Some(pos)) => {
                let count = usize::from(order[2] % 4);
                pack.remove(pos, count);
                model.drain(at..(at + count).min(model.len()));
            }
            (6, Some(pos)) => {
                let tail = pack.split_off(pos);
                assert_eq!(walk(&tail), model[at..]);
                pack.append(&tail);
            }
            _ => {}
        }
        assert_eq!(walk(&pack), model);
        let again = Listpack::from_bytes(pack.as_bytes().to_vec()).expect("our own is right");
        assert_eq!(walk(&again), model);
    }
});

fn place(pack: &Listpack, at: usize) -> Option<Pos> {
    pack.seek(i64::try_from(at).expect("it is short"))
}

/// The texts, which must be the same from both ends.
fn walk(pack: &Listpack) -> Vec<Vec<u8>> {
    let forward: Vec<Vec<u8>> = pack.iter().map(Item::to_vec).collect();
    let mut backward = Vec::new();
    let mut at = pack.last();
    while let Some(pos) = at {
        backward.push(pack.get(pos).to_vec());
        at = pack.prev(pos);
    }
    backward.reverse();
    assert_eq!(forward, backward);
    forward
}

/// Integers of all widths, and texts of all kinds of length.
fn text_of(kind: u8, byte: u8) -> Vec<u8> {
    let number = i64::from(byte) - 128;
    match kind % 8 {
        0 => number.to_string().into_bytes(),
        1 => (number << 8).to_string().into_bytes(),
        2 => (number << 16).to_string().into_bytes(),
        3 => (number << 30).to_string().into_bytes(),
        4 => (number << 55).to_string().into_bytes(),
        5 => vec![byte; usize::from(byte) % 70],
        6 => vec![byte; usize::from(byte) * 20],
        _ => format!("0{number}").into_bytes(),
    }
}
