//! EXPIRE and its relatives, and when a key is gone.

use crate::support::check;

#[test]
fn expire_sets_and_persist_clears() {
    check(
        r#"
        SET k v => OK; TTL k => -1; PTTL k => -1; EXPIRETIME k => -1; PEXPIRETIME k => -1
        EXPIRE k 100 => 1; TTL k => 40..100; PTTL k => 40000..100000
        PEXPIRE k 200000 => 1; TTL k => 140..200
        EXPIREAT k {{now_s+300}} => 1; TTL k => 240..300
        PEXPIREAT k {{now_ms+400000}} => 1; TTL k => 340..400
        PERSIST k => 1; TTL k => -1; PERSIST k => 0; PERSIST none => 0
        EXPIRE none 10 => 0; PEXPIRE none 10 => 0; EXPIREAT none 10 => 0; PEXPIREAT none 10 => 0
        TTL none => -2; PTTL none => -2; EXPIRETIME none => -2; PEXPIRETIME none => -2
        EXPIREAT k 33177117420 => 1; EXPIRETIME k => 33177117420; PEXPIRETIME k => 33177117420000
        PEXPIREAT k 33177117420123 => 1; EXPIRETIME k => 33177117420; PEXPIRETIME k => 33177117420123
        PEXPIREAT k 33177117420501 => 1; EXPIRETIME k => 33177117421
        "#,
    );
}

#[test]
fn ttl_rounds_to_the_nearest_second() {
    check(
        r#"
        SET k v PX 100400 => OK; TTL k => 40..100
        SET k v PX 100900 => OK; TTL k => 41..101
        "#,
    );
}

#[test]
fn expire_in_the_past_deletes() {
    check(
        r#"
        SET k v => OK; EXPIRE k 0 => 1; EXISTS k => 0
        SET k v => OK; EXPIRE k -1 => 1; EXISTS k => 0
        SET k v => OK; PEXPIRE k -100 => 1; EXISTS k => 0
        SET k v => OK; EXPIREAT k 1 => 1; EXISTS k => 0; DBSIZE => 0
        SET k v => OK; PEXPIREAT k {{now_ms-1}} => 1; GET k => nil
        SET k v => OK; EXPIREAT k -5 => 1; TYPE k => +none
        SET k v => OK; EXPIRE k -9223372036854775 => 1; EXISTS k => 0
        "#,
    );
}

#[test]
fn expire_conditions() {
    check(
        r#"
        SET k v => OK
        EXPIRE k 100 XX => 0; TTL k => -1
        EXPIRE k 100 GT => 0; TTL k => -1
        EXPIRE k 100 LT => 1; TTL k => 40..100
        EXPIRE k 200 NX => 0; TTL k => 40..100
        EXPIRE k 200 XX => 1; TTL k => 140..200
        EXPIRE k 150 GT => 0; EXPIRE k 300 GT => 1; TTL k => 240..300
        EXPIRE k 400 LT => 0; EXPIRE k 100 LT => 1; TTL k => 40..100
        EXPIRE k 200 XX GT => 1; TTL k => 140..200
        EXPIRE k 100 XX LT => 1; TTL k => 40..100
        EXPIRE k 50 xx gt => 0
        PERSIST k => 1; EXPIRE k 100 NX => 1
        PEXPIRE k 200000 NX => 0; PEXPIRE k 200000 GT => 1; TTL k => 140..200
        EXPIREAT k {{now_s+50}} LT => 1; PEXPIREAT k {{now_ms+100000}} GT => 1; TTL k => 40..100
        EXPIRE none 10 NX => 0
        EXPIRE k 0 GT => 0; EXISTS k => 1; EXPIRE k 0 LT => 1; EXISTS k => 0
        SET k v => OK; EXPIRE k -1 XX => 0; EXISTS k => 1
        "#,
    );
}

#[test]
fn expire_refuses_bad_options() {
    check(
        r#"
        SET k v => OK
        EXPIRE k 100 NX XX => ERR NX and XX, GT or LT options at the same time are not compatible
        EXPIRE k 100 NX GT => ERR NX and XX, GT or LT options at the same time are not compatible
        EXPIRE k 100 NX LT => ERR NX and XX, GT or LT options at the same time are not compatible
        EXPIRE k 100 GT LT => ERR GT and LT options at the same time are not compatible
        EXPIRE k 100 FOO => ERR Unsupported option FOO
        EXPIRE k 100 NX foo => ERR Unsupported option foo
        PEXPIRE k 100 "" => -"ERR Unsupported option "
        EXPIRE k => ERR wrong number of arguments for 'expire' command
        EXPIREAT k => ERR wrong number of arguments for 'expireat' command
        PEXPIRE k => ERR wrong number of arguments for 'pexpire' command
        PEXPIREAT k => ERR wrong number of arguments for 'pexpireat' command
        TTL => ERR wrong number of arguments for 'ttl' command
        PTTL => ERR wrong number of arguments for 'pttl' command
        EXPIRETIME => ERR wrong number of arguments for 'expiretime' command
        PEXPIRETIME k k => ERR wrong number of arguments for 'pexpiretime' command
        TTL k => -1
        "#,
    );
}

#[test]
fn expire_times_at_the_limits() {
    check(
        r#"
        SET k v => OK
        EXPIRE k 9223372036854775807 => ERR invalid expire time in 'expire' command
        EXPIRE k 9223372036854775 => ERR invalid expire time in 'expire' command
        EXPIRE k -9223372036854775808 => ERR invalid expire time in 'expire' command
        PEXPIRE k 9223372036854775807 => ERR invalid expire time in 'pexpire' command
        EXPIREAT k 9223372036854775807 => ERR invalid expire time in 'expireat' command
        EXPIRE k 9223372036854775808 => ERR value is not an integer or out of range
        EXPIRE k 1.5 => ERR value is not an integer or out of range
        EXPIRE k abc => ERR value is not an integer or out of range
        EXPIRE k "" => ERR value is not an integer or out of range
        PEXPIREAT k x => ERR value is not an integer or out of range
        EXPIRE none abc => ERR value is not an integer or out of range
        TTL k => -1
        PEXPIREAT k 9223372036854775807 => 1; PEXPIRETIME k => 9223372036854775807
        EXPIRE k 9223370000000000 => 1; TTL k => 9223369999999940..9223370000000000
        EXPIREAT k 9223372036854775 => 1; EXPIRETIME k => 9223372036854775
        "#,
    );
}

#[test]
fn writes_that_keep_and_that_clear_the_expiry() {
    check(
        r#"
        SET k 1 EX 100 => OK; INCR k => 2; APPEND k 3 => 2; SETRANGE k 0 4 => 2; SETBIT k 1 0 => 0
        TTL k => 40..100
        GETSET k 5 => any; TTL k => -1
        SET k 1 EX 100 => OK; MSET k 2 => OK; TTL k => -1
        SET k 1 EX 100 => OK; SET k 2 => OK; TTL k => -1
        SET k 1 EX 100 => OK; DEL k => 1; SET k 1 => OK; TTL k => -1
        "#,
    );
}

#[test]
fn keys_expire_without_being_asked_for() {
    check(
        r#"
        SET a 1 PX 30 => OK; SET b 2 PX 40 => OK; SET c 3 PX 50 => OK; SET stay 4 => OK
        eventually DBSIZE => 1
        GET stay => "4"
        "#,
    );
}

#[test]
fn expired_keys_are_invisible_while_active_expiry_is_off() {
    check(
        r#"
        DEBUG SET-ACTIVE-EXPIRE 0 => OK
        SET a 1 PX 10 => OK; SET b 2 => OK
        eventually GET a => nil
        SET a 1 PX 10 => OK; eventually PTTL a => -2
        SET a 1 PX 10 => OK; eventually EXISTS a => 0
        SET a 1 PX 10 => OK; eventually KEYS * => ["b"]
        SET a 1 PX 10 => OK; eventually RANDOMKEY => "b"
        SET a 1 PX 10 => OK; eventually TOUCH a => 0
        SET a 1 PX 10 => OK; eventually OBJECT ENCODING a => nil
        SET a 1 PX 10 => OK; eventually DUMP a => nil
        SET a 1 PX 10 => OK; eventually COPY a c => 0
        SET a 1 PX 10 => OK; eventually PERSIST a => 0
        SET a 1 PX 10 => OK; eventually STRLEN a => 0
        SET a 1 PX 10 => OK; eventually GETBIT a 2 => 0
        SET a 1 PX 10 => OK; eventually MGET a b => [nil, "2"]
        DEBUG SET-ACTIVE-EXPIRE 1 => OK
        "#,
    );
}
