//! What DEBUG DIGEST does not see: it says whether a key goes by itself and not when, and nothing of fields of hashes or
//! of how keys were used.

use super::resp::{Conn, Value};

/// The keys of the selected database, in order.
pub(crate) fn keys(conn: &mut Conn) -> Vec<String> {
    let mut keys: Vec<String> = conn
        .call("KEYS *")
        .elements()
        .iter()
        .map(Value::text)
        .collect();
    keys.sort();
    keys
}

/// When the keys of these databases go, and the fields of hashes among them; milliseconds, -1 for never. The first one
/// is selected afterwards.
pub(crate) fn times(conn: &mut Conn, databases: &[u32]) -> Vec<String> {
    let mut times = Vec::new();
    for db in databases {
        conn.call(&format!("SELECT {db}"));
        for key in keys(conn) {
            let time = conn.call(&format!("PEXPIRETIME {key}")).int();
            times.push(format!("{db} {key}: {time}"));
            if conn.call(&format!("TYPE {key}")).text() != "hash" {
                continue;
            }
            let fields = conn.call(&format!("HKEYS {key}"));
            let mut fields: Vec<&[u8]> = fields.elements().iter().map(Value::bytes).collect();
            fields.sort_unstable();
            let count = fields.len().to_string();
            let mut words = vec![b"HPEXPIRETIME", key.as_bytes(), b"FIELDS", count.as_bytes()];
            words.extend(&fields);
            let replies = conn.call_words(&words);
            assert_eq!(replies.elements().len(), fields.len());
            for (field, time) in fields.iter().zip(replies.elements()) {
                let field = field.escape_ascii();
                times.push(format!("{db} {key} {field}: {}", time.int()));
            }
        }
    }
    conn.call(&format!("SELECT {}", databases[0]));
    times
}

/// What OBJECT IDLETIME or OBJECT FREQ says of the keys of the selected database.
pub(crate) fn usage(conn: &mut Conn, word: &str) -> Vec<(String, i64)> {
    let keys = keys(conn);
    let usage = keys.into_iter().map(|key| {
        let reply = conn.call(&format!("OBJECT {word} {key}"));
        assert!(!reply.is_error(), "{reply}");
        (key, reply.int())
    });
    usage.collect()
}
