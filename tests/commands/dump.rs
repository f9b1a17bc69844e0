//! DUMP and RESTORE. Payloads were taken from 7.0 (RDB 10) and 7.2 (RDB 11).

use crate::support::{check, check_both};

#[test]
fn dump_writes_the_oldest_version_that_holds_a_value() {
    check_both(
        r#"
        SET s v => OK; DUMP s => "\x00\x01v\x0a\x00\x91\x08\xce\xb2\x198\x8a\xce"
        SET n 123 => OK; DUMP n => "\x00\xc0{\x0a\x00H\xe2S\xe1\x00zg\xb9"
        SET n 255 => OK; DUMP n => "\x00\xc1\xff\x00\x0a\x00\xdc\xaf{\x93\xbd\xf0\x137"
        SET n 40000 => OK; DUMP n => "\x00\xc2@\x9c\x00\x00\x0a\x00\x09\xcdc\x1f\xf3\xb9\x8c\xf2"
        SET n -70000 => OK; DUMP n => "\x00\xc2\x90\xee\xfe\xff\x0a\x00(u\xde{\x13\xeb(\x00"
        SET n 5000000000 => OK; DUMP n => "\x00\x0a5000000000\x0a\x00i\xa9\x0f\xd5~\x0f\xf4%"
        SET n 1234567890123 => OK; DUMP n => "\x00\x0d1234567890123\x0a\x00^\x0c\x12\xae\x04)\xbc\x1e"
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
        RESTORE b 100000 {{$p}} => OK; PTTL b => 40000..100000
        RESTORE b 0 {{$p}} REPLACE => OK; TTL b => -1
        RESTORE c {{now_ms+100000}} {{$p}} ABSTTL => OK; PTTL c => 40000..100000
        RESTORE d 0 {{$p}} ABSTTL => OK; TTL d => -1
        RESTORE e 0 {{$p}} IDLETIME 1000 => OK; OBJECT IDLETIME e => 999..1100
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

#[test]
fn collections_of_other_servers_are_restored() {
    // Payloads of redis-server 7.0.15.
    check(
        r#"
        RESTORE l 0 "\x12\x01\x02\x11\x11\x00\x00\x00\x03\x00\x01\x01\xc1\x2c\x02\x83\x61\x62\x63\x04\xff\x0a\x00\x0f\x58\x5d\x52\x27\x11\xb9\x1a" => OK
        LRANGE l 0 -1 => ["1", "300", "abc"]
        RESTORE h 0 "\x10\x15\x15\x00\x00\x00\x04\x00\x81\x66\x02\x81\x76\x02\x81\x6e\x02\xf2\x90\xee\xfe\x04\xff\x0a\x00\xfa\xe8\x22\x91\xe3\xaa\x77\xd8" => OK
        HGETALL h => ["f", "v", "n", "-70000"]; OBJECT ENCODING h => "listpack"
        RESTORE h 0 "\x04\x02\x01\x6e\xc2\x90\xee\xfe\xff\x01\x66\x01\x76\x0a\x00\x7a\x55\xd9\x87\x7b\xbf\x09\x59" REPLACE => OK
        HGETALL h => {"n": "-70000", "f": "v"}
        RESTORE i 0 "\x0b\x14\x04\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x70\x11\x01\x00\x0a\x00\x85\xd5\xc1\x06\x5b\x1d\xd0\x55" => OK
        SMEMBERS i => ["1", "2", "70000"]; OBJECT ENCODING i => "intset"
        RESTORE s 0 "\x02\x01\x01\x78\x0a\x00\xff\xe8\x80\xba\x76\x0c\x2f\x09" => OK
        SMEMBERS s => ["x"]
        RESTORE z 0 "\x11\x18\x18\x00\x00\x00\x04\x00\x81\x6e\x02\x84\x2d\x69\x6e\x66\x05\x81\x6d\x02\x83\x31\x2e\x35\x04\xff\x0a\x00\xed\xfa\xf8\x3b\x51\x8e\xc6\x2c" => OK
        ZRANGE z 0 -1 WITHSCORES => ["n", "-inf", "m", "1.5"]
        RESTORE z 0 "\x05\x02\x01\x6d\x00\x00\x00\x00\x00\x00\xf8\x3f\x01\x6e\x00\x00\x00\x00\x00\x00\xf0\xff\x0a\x00\x7c\x26\x5a\xdd\x0e\xfd\xc1\x68" REPLACE => OK
        ZRANGE z 0 -1 WITHSCORES => ["n", "-inf", "m", "1.5"]
        RESTORE x 0 "\x13\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x29\x29\x00\x00\x00\x0f\x00\x02\x01\x00\x01\x01\x01\x81\x66\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81\x76\x02\x04\x01\x02\x01\x01\x01\xdf\xff\x02\x81\x77\x02\x04\x01\xff\x02\x02\x00\x01\x01\x00\x00\x02\x01\x01\x67\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x7c\x9f\x6c\xfd\xa1\x01\x00\x00\x01\x01\x01\x63\x7c\x9f\x6c\xfd\xa1\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x0a\x00\x2e\x7f\x41\x9d\xbc\x2b\x8d\x4f" => OK
        XRANGE x - + => [["1-1", ["f", "v"]], ["2-0", ["f", "w"]]]
        XPENDING x g => [1, "1-1", "1-1", [["c", "1"]]]
        "#,
    );
}

#[test]
fn collections_survive_a_dump() {
    check(
        r#"
        RPUSH l a 2 {{x*9000}} => 3; DUMP l => @p:bulk; RESTORE m 0 {{$p}} => OK; LRANGE m 0 1 => ["a", "2"]; LLEN m => 3
        SADD s a b 3 => 3; DUMP s => @p:bulk; RESTORE t 0 {{$p}} => OK; SINTERCARD 2 s t => 3
        ZADD z 1 a 2.5 b => 2; DUMP z => @p:bulk; RESTORE y 0 {{$p}} => OK; ZRANGE y 0 -1 WITHSCORES => ["a", "1", "b", "2.5"]
        HSET h a 1 b {{x*100}} => 2; DUMP h => @p:bulk; RESTORE i 0 {{$p}} => OK; HGET i a => "1"; HSTRLEN i b => 100
        [ours] HSET j a 1 b 2 => 2; [ours] HPEXPIREAT j 1999999999999 FIELDS 1 a => [1]; [ours] DUMP j => @q:bulk
        [ours] RESTORE k 0 {{$q}} => OK; [ours] HPEXPIRETIME k FIELDS 2 a b => [1999999999999, -1]
        XADD x 5-1 f v => "5-1"; XGROUP CREATE x g 0 => OK; DUMP x => @p:bulk; RESTORE w 0 {{$p}} => OK
        XRANGE w - + => [["5-1", ["f", "v"]]]
        [ours] DEBUG DIGEST-VALUE l m => any
        RESTORE l 0 {{$p}} => BUSYKEY Target key name already exists.
        "#,
    );
}

#[test]
fn checksums_may_be_passed_over_on_demand() {
    check(
        r#"
        [ours] DEBUG SET-SKIP-CHECKSUM-VALIDATION 1 => OK
        [ours] RESTORE k 0 "\x00\xc0\x07\x0b\x00zzzzzzzz" => OK; [ours] GET k => "7"
        [ours] RESTORE l 0 "\x00\xc0\x0b\x00zzzzzzzz" => ERR Bad data format
        [ours] DEBUG SET-SKIP-CHECKSUM-VALIDATION 0 => OK
        [ours] RESTORE m 0 "\x00\xc0\x07\x0b\x00zzzzzzzz" => ERR DUMP payload version or checksum are wrong
        "#,
    );
}

#[test]
fn restore_asking_is_restore_where_there_is_no_cluster() {
    check(
        r#"
        RESTORE-ASKING s 0 "\x00\x01v\x0a\x00\x91\x08\xce\xb2\x198\x8a\xce" => OK; GET s => "v"
        RESTORE-ASKING s 0 "\x00\x01v\x0a\x00\x91\x08\xce\xb2\x198\x8a\xce" => BUSYKEY Target key name already exists.
        RESTORE-ASKING s 5000 "\x00\x01v\x0a\x00\x91\x08\xce\xb2\x198\x8a\xce" REPLACE => OK; TTL s => 5
        RESTORE-ASKING s 0 x => BUSYKEY Target key name already exists.
        RESTORE-ASKING n 0 x => ERR DUMP payload version or checksum are wrong
        "#,
    );
}

#[test]
fn migrate_looks_at_its_arguments_and_then_for_keys() {
    check(
        r#"
        SET k v => OK
        MIGRATE 127.0.0.1 1 none 0 9 => +NOKEY
        MIGRATE 127.0.0.1 1 none 0 9 COPY REPLACE AUTH p AUTH2 u p => +NOKEY
        MIGRATE 127.0.0.1 1 "" 0 9 KEYS none other => +NOKEY
        MIGRATE 127.0.0.1 1 "" 0 9 AUTH KEYS KEYS none => +NOKEY
        MIGRATE 127.0.0.1 1 "" 0 9 KEYS => +NOKEY
        MIGRATE 127.0.0.1 1 k 0 9 KEYS none => ERR When using MIGRATE KEYS option, the key argument must be set to the empty string
        MIGRATE 127.0.0.1 1 k 0 9 FOO => ERR syntax error
        MIGRATE 127.0.0.1 1 k 0 9 AUTH => ERR syntax error
        MIGRATE 127.0.0.1 1 k 0 9 AUTH2 u => ERR syntax error
        MIGRATE 127.0.0.1 1 k x 9 FOO => ERR syntax error
        MIGRATE 127.0.0.1 1 k x 9 => ERR value is not an integer or out of range
        MIGRATE 127.0.0.1 1 k 0 x => ERR value is not an integer or out of range
        MIGRATE 127.0.0.1 1 none 0 -5 => +NOKEY
        MIGRATE 127.0.0.1 0 k 0 100 => IOERR error or timeout writing to target instance
        MIGRATE 127.0.0.1 nowhere k 0 100 => IOERR error or timeout writing to target instance
        MIGRATE "" 1 k 0 100 => IOERR error or timeout connecting to the client
        MIGRATE 127.0.0.1 1 k 0 => ERR wrong number of arguments for 'migrate' command
        GET k => "v"
        "#,
    );
}

/// It waits for another machine, which neither a transaction nor a script may have all shards do.
#[test]
fn migrate_is_not_part_of_anything() {
    check(
        r#"
        SET k v => OK; MULTI => OK; SET l v => QUEUED
        [ours] MIGRATE 127.0.0.1 0 k 0 100 => ERR Command not allowed inside a transaction
        [ours] EXEC => EXECABORT Transaction discarded because of previous errors.
        [ours] EXISTS k l => 1
        [ours] EVAL "return redis.pcall('MIGRATE', '127.0.0.1', '0', KEYS[1], '0', '100')" 1 k => -"ERR This Redis command is not allowed from script"
        "#,
    );
}
