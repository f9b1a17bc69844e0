//! DUMP and RESTORE. Payloads were taken from 7.0 (RDB 10) and 7.2 (RDB 11).

use crate::support::{check, check_both};

#[test]
fn dump_writes_rdb_11() {
    check_both(
        r#"
        SET s v => OK; [7.2] DUMP s => "\x00\x01v\x0b\x00\xf8\xd7s\xc1\xe4\xa7cG"
        SET n 123 => OK; [7.2] DUMP n => "\x00\xc0{\x0b\x00!=\xee\x92\xfd\xe5\x8e0"
        SET n 255 => OK; [7.2] DUMP n => "\x00\xc1\xff\x00\x0b\x00\xb5p\xc6\xe0@o\xfa\xbe"
        SET n 40000 => OK; [7.2] DUMP n => "\x00\xc2@\x9c\x00\x00\x0b\x00`\x12\xdel\x0e&e{"
        SET n -70000 => OK; [7.2] DUMP n => "\x00\xc2\x90\xee\xfe\xff\x0b\x00A\xaac\x08\xeet\xc1\x89"
        SET n 5000000000 => OK; [7.2] DUMP n => "\x00\x0a5000000000\x0b\x00\x00v\xb2\xa6\x83\x90\x1d\xac"
        SET n 1234567890123 => OK; [7.2] DUMP n => "\x00\x0d1234567890123\x0b\x007\xd3\xaf\xdd\xf9\xb6U\x97"
        DUMP none => nil
        "#,
    );
}

#[test]
fn restore_reads_payloads_of_redis() {
    check(
        r#"
        RESTORE s 0 "\x00\x01v\x0a\x00\x91\x08\xce\xb2\x198\x8a\xce" => OK; GET s => "v"; TTL s => -1
        RESTORE n 0 "\x00\xc0{\x0a\x00H\xe2S\xe1\x00zg\xb9" => OK; GET n => "123"; OBJECT ENCODING n => "int"
        RESTORE m 0 "\x00\xc2\x90\xee\xfe\xff\x0a\x00(u\xde{\x13\xeb(\x00" => OK; GET m => "-70000"
        RESTORE b 0 "\x00\x0d1234567890123\x0a\x00^\x0c\x12\xae\x04)\xbc\x1e" => OK; INCR b => 1234567890124
        RESTORE z 0 "\x00\xc3\x09@W\x01aa\xe0J\x00\x01aa\x0a\x00D\xa8t\xfel\xfe\x85S" => OK; GET z => "{{a*87}}"
        [7.2] RESTORE t 0 "\x00\x01v\x0b\x00\xf8\xd7s\xc1\xe4\xa7cG" => OK
        [7.2] GET t => "v"
        "#,
    );
}

#[test]
fn what_was_dumped_can_be_restored() {
    check(
        r#"
        SET a "" => OK; DUMP a => @p:bulk; RESTORE b 0 {{$p}} => OK; GET b => ""
        SET a {{xyz*3000}} => OK; DUMP a => @p:bulk; RESTORE c 0 {{$p}} => OK; GET c => "{{xyz*3000}}"
        SET a -9223372036854775808 => OK; DUMP a => @p:bulk; RESTORE d 0 {{$p}} => OK
        GET d => "-9223372036854775808"; OBJECT ENCODING d => "int"
        SET a {{q*17000}} => OK; DUMP a => @p:bulk; RESTORE e 0 {{$p}} => OK; GET e => "{{q*17000}}"
        CONFIG SET rdbcompression no => OK
        DUMP a => @p:bulk; STRLEN a => 17000; RESTORE f 0 {{$p}} => OK; GET f => "{{q*17000}}"
        "#,
    );
}

#[test]
fn restore_options() {
    check(
        r#"
        SET a v => OK; DUMP a => @p:bulk
        RESTORE a 0 {{$p}} => BUSYKEY Target key name already exists.
        RESTORE a 0 {{$p}} REPLACE => OK
        RESTORE b 100000 {{$p}} => OK; PTTL b => 99000..100000
        RESTORE b 0 {{$p}} REPLACE => OK; TTL b => -1
        RESTORE c {{now_ms+100000}} {{$p}} ABSTTL => OK; PTTL c => 98000..100000
        RESTORE d 0 {{$p}} ABSTTL => OK; TTL d => -1
        RESTORE e 0 {{$p}} IDLETIME 1000 => OK; OBJECT IDLETIME e => 999..1005
        RESTORE f 1 {{$p}} ABSTTL => OK; EXISTS f => 0
        RESTORE a 1 {{$p}} ABSTTL REPLACE => OK; EXISTS a => 0
        RESTORE g 0 {{$p}} replace absttl => OK; GET g => "v"
        "#,
    );
}

#[test]
fn restore_refuses_bad_arguments() {
    check(
        r#"
        SET a v => OK; DUMP a => @p:bulk
        RESTORE b -1 {{$p}} => ERR Invalid TTL value, must be >= 0
        RESTORE b abc {{$p}} => ERR value is not an integer or out of range
        RESTORE b 0 {{$p}} FOO => ERR syntax error
        RESTORE b 0 {{$p}} IDLETIME => ERR syntax error
        RESTORE b 0 {{$p}} IDLETIME -1 => ERR Invalid IDLETIME value, must be >= 0
        RESTORE b 0 {{$p}} FREQ 256 => ERR Invalid FREQ value, must be >= 0 and <= 255
        RESTORE b 0 {{$p}} FREQ -1 => ERR Invalid FREQ value, must be >= 0 and <= 255
        RESTORE b 0 {{$p}} IDLETIME 1 FREQ 1 => ERR syntax error
        RESTORE b 0 "" => ERR DUMP payload version or checksum are wrong
        RESTORE b 0 abc => ERR DUMP payload version or checksum are wrong
        RESTORE b 0 "\x00\x01w\x0a\x00\x91\x08\xce\xb2\x198\x8a\xce" => ERR DUMP payload version or checksum are wrong
        RESTORE b 0 "\x00\x01v\xff\x00\x91\x08\xce\xb2\x198\x8a\xce" => ERR DUMP payload version or checksum are wrong
        EXISTS b => 0
        "#,
    );
}
