//! SCAN: options and errors here, the guarantee under change in `scan_returns_what_stays`.

use crate::support::check::on_every_server;
use crate::support::{Conn, Value, check, check_both};

/// All keys of a whole scan, sorted; `options` follow the cursor.
fn scan(conn: &mut Conn, options: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut cursor = String::from("0");
    loop {
        let reply = conn.call(&format!("SCAN {cursor} {options}"));
        let [next, some] = reply.elements() else {
            panic!("two elements, got {reply}")
        };
        keys.extend(some.elements().iter().map(Value::text));
        cursor = next.text();
        if cursor == "0" {
            keys.sort();
            return keys;
        }
    }
}

#[test]
fn scan_replies_a_cursor_and_keys() {
    check_both(
        r#"
        SCAN 0 => [bulk, []]
        SET a 1 => OK
        SCAN 0 => [bulk, array]; scan 0 COUNT 1000 MATCH none => [bulk, []]
        SCAN 0 COUNT 1000 TYPE list => [bulk, []]; SCAN 0 TYPE nosuch => [bulk, []]
        "#,
    );
}

#[test]
fn few_keys_are_one_page_wherever_they_are() {
    check_both(
        r#"
        MSET a 1 b 2 c 3 d 4 e 5 => OK
        SCAN 0 => ["0", unordered["a", "b", "c", "d", "e"]]
        SCAN 0 COUNT 1000 MATCH [ad] => ["0", unordered["a", "d"]]
        SCAN 0 COUNT 1000 TYPE list => ["0", []]
        HSET h f v => 1; SCAN 0 COUNT 9223372036854775807 TYPE hash => ["0", ["h"]]
        DEL a b c d e => 5; SCAN 0 => ["0", ["h"]]
        MULTI => OK; SCAN 0 COUNT 1 => QUEUED; EXEC => [[bulk, array]]
        "#,
    );
}

#[test]
fn scan_options_select() {
    on_every_server(|server| {
        let mut conn = server.conn();
        assert_eq!(scan(&mut conn, ""), [""; 0]);
        conn.call("MSET a 1 b 2 c 3");
        assert_eq!(scan(&mut conn, ""), ["a", "b", "c"]);
        assert_eq!(scan(&mut conn, "COUNT 1"), ["a", "b", "c"]);
        assert_eq!(scan(&mut conn, "COUNT 1000 MATCH a*"), ["a"]);
        assert_eq!(scan(&mut conn, "MATCH none"), [""; 0]);
        assert_eq!(scan(&mut conn, "TYPE string"), ["a", "b", "c"]);
        assert_eq!(scan(&mut conn, "type STRING COUNT 2"), ["a", "b", "c"]);
        assert_eq!(scan(&mut conn, "TYPE list"), [""; 0]);
        assert_eq!(
            scan(&mut conn, "count 1000 match [ab] type string"),
            ["a", "b"]
        );
        assert_eq!(
            scan(&mut conn, "MATCH a MATCH b"),
            ["b"],
            "the last one counts"
        );
        conn.call("SELECT 1");
        assert_eq!(scan(&mut conn, ""), [""; 0]);
    });
}

/// One key, wherever it is, comes with the first page, and after it at most one is empty.
#[test]
fn scan_of_few_keys_takes_few_pages() {
    on_every_server(|server| {
        let mut conn = server.conn();
        for key in ["a", "b", "c", "d", "e", "f"] {
            conn.call(&format!("SET {key} 1"));
            let first = conn.call("SCAN 0");
            let [cursor, keys] = first.elements() else {
                panic!("two elements, got {first}")
            };
            assert_eq!(keys.elements().len(), 1, "{key}");
            if cursor.text() != "0" {
                let last = conn.call(&format!("SCAN {}", cursor.text()));
                assert_eq!(last.elements()[0].text(), "0", "{key}");
            }
            conn.call(&format!("DEL {key}"));
        }
        assert_eq!(conn.call("SCAN 0").elements()[0].text(), "0");
    });
}

#[test]
fn scan_refuses_bad_arguments() {
    check(
        r#"
        SCAN => ERR wrong number of arguments for 'scan' command
        SCAN abc => ERR invalid cursor
        SCAN -1 => any
        SCAN 1x => ERR invalid cursor
        SCAN 18446744073709551616 => ERR invalid cursor
        SCAN 0 COUNT => ERR syntax error
        SCAN 0 COUNT 0 => ERR syntax error
        SCAN 0 COUNT -5 => ERR syntax error
        SCAN 0 COUNT x => ERR value is not an integer or out of range
        SCAN 0 MATCH => ERR syntax error
        SCAN 0 FOO => ERR syntax error
        SCAN 0 FOO bar => ERR syntax error
        "#,
    );
}

#[test]
fn scan_hides_expired_keys() {
    on_every_server(|server| {
        let mut conn = server.conn();
        conn.call("SET b 2");
        conn.call("SET a 1 PX 20");
        crate::support::clock::wait_until("a to expire", || {
            (scan(&mut conn, "") == ["b"]).then_some(())
        });
    });
}

/// Any cursor gets an answer; one that no scan returned may give any keys, but never an error.
#[test]
fn foreign_cursors_do_no_harm() {
    on_every_server(|server| {
        let mut conn = server.conn();
        for i in 0..50 {
            conn.call(&format!("SET k{i} v"));
        }
        for shift in 0..64 {
            for cursor in [1u64 << shift, (1u64 << shift) - 1, u64::MAX << shift] {
                let reply = conn.call(&format!("SCAN {cursor} COUNT 5"));
                assert_eq!(reply.elements().len(), 2, "cursor {cursor}: {reply}");
            }
        }
    });
}

/// Keys present from the first call to the last are returned, whatever else comes and goes.
#[test]
fn scan_returns_what_stays() {
    on_every_server(|server| {
        let mut conn = server.conn();
        for i in 0..2000 {
            conn.call(&format!("SET stay:{i} v"));
        }
        let mut seen = std::collections::BTreeMap::new();
        let mut cursor = String::from("0");
        let mut round = 0;
        loop {
            let reply = conn.call(&format!("SCAN {cursor} COUNT 20"));
            let [next, keys] = reply.elements() else {
                panic!("two elements, got {reply}")
            };
            for key in keys.elements() {
                *seen.entry(key.text()).or_insert(0) += 1;
            }
            cursor = next.text();
            if cursor == "0" {
                break;
            }
            // The keyspace doubles and shrinks again while the scan goes on.
            for i in 0..40 {
                let name = round * 40 + i;
                conn.call(&format!("SET guest:{name} v"));
                if round >= 30 {
                    conn.call(&format!("DEL guest:{}", name - 1200));
                }
            }
            round += 1;
            assert!(round < 5000, "the scan does not end");
        }
        let stayed = seen.keys().filter(|key| key.starts_with("stay:")).count();
        assert_eq!(stayed, 2000);
        if crate::support::peer().is_none() {
            let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
            assert!(twice.is_empty(), "returned more than once: {twice:?}");
        }
    });
}

#[test]
fn scan_and_keys_agree_on_many_keys() {
    on_every_server(|server| {
        let mut conn = server.conn();
        for i in 0..1000 {
            conn.call(&format!("SET k:{i} v"));
        }
        assert_eq!(conn.call("DBSIZE"), Value::Int(1000));
        assert_eq!(conn.call("KEYS *").elements().len(), 1000);
        let mut seen = std::collections::BTreeSet::new();
        let mut cursor = String::from("0");
        loop {
            let reply = conn.call(&format!("SCAN {cursor} MATCH k:*5"));
            let elements = reply.elements();
            seen.extend(elements[1].elements().iter().map(Value::text));
            cursor = elements[0].text();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen.len(), 100);
    });
}

#[test]
fn a_walk_ends_where_nothing_follows() {
    check_both(
        r#"
        SCAN 0 => ["0", []]; SCAN 0 TYPE list COUNT 1 => ["0", []]
        SET k v => OK; SCAN 0 => ["0", ["k"]]; SELECT 1 => OK; SCAN 0 => ["0", []]
        SET other v => OK; SCAN 0 MATCH x* => ["0", []]; DEL other => 1; SCAN 0 => ["0", []]
        "#,
    );
}
