//! GET, SET and the rest of the string family.

use crate::support::{check, check_both};

#[test]
fn set_then_get_returns_the_value() {
    check_both(
        r#"
        GET k => nil
        SET k v => OK; GET k => "v"
        SET k "" => OK; GET k => ""; EXISTS k => 1
        SET k "a\x00b\r\n\xff" => OK; GET k => "a\x00b\r\n\xff"
        c2: GET k => "a\x00b\r\n\xff"
        GET => ERR wrong number of arguments for 'get' command
        GET a b => ERR wrong number of arguments for 'get' command
        SET k => ERR wrong number of arguments for 'set' command
        "#,
    );
}

#[test]
fn set_nx_and_xx() {
    check(
        r#"
        SET k a XX => nil; EXISTS k => 0
        SET k a NX => OK; SET k b NX => nil; GET k => "a"
        SET k b XX => OK; GET k => "b"
        SET k c NX XX => ERR syntax error
        SET k c XX NX => ERR syntax error
        "#,
    );
}
