//! Sets: members, picks at random, walks, combinations.

use crate::support::{check, check_both};

#[test]
fn members_are_added_asked_for_and_removed() {
    check(
        r#"
        SADD s a b a => 2; SADD s b 1 => 1; SADD s a => 0
        SCARD s => 3; SCARD none => 0
        SISMEMBER s a => 1; SISMEMBER s x => 0; SISMEMBER none a => 0
        SMISMEMBER s a x 1 => [1, 0, 1]; SMISMEMBER none a b => [0, 0]
        SREM s a x a => 1; SREM s x => 0; SREM none x => 0
        SREM s b 1 => 2; EXISTS s => 0
        SADD n "" => 1; SISMEMBER n "" => 1; TYPE n => +set
        "#,
    );
}

#[test]
fn a_member_moves_to_another_set() {
    check(
        r#"
        SADD one a 1 => 2; SADD two b => 1
        SMOVE one two a => 1; SMOVE one two a => 0; SMOVE none two a => 0
        SMOVE one one 1 => 1; SMOVE one one x => 0
        SMOVE one new 1 => 1; EXISTS one => 0; SMEMBERS new => ["1"]
        SMEMBERS two => unordered["a", "b"]
        SET str x => OK; SMOVE none str a => 0
        SMOVE two str x => WRONGTYPE Operation against a key holding the wrong kind of value
        SMOVE str two x => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn whole_sets_are_sets() {
    check_both(
        r#"
        SMEMBERS none => set[]; SINTER none => set[]; SUNION none => set[]; SDIFF none => set[]
        SPOP none 2 => set[]; SRANDMEMBER none 2 => []
        SADD a 1 2 3 x y => 5; SADD b 2 3 4 y z => 5; SADD c 3 y => 2
        SMEMBERS a => set["1", "2", "3", "x", "y"]
        SINTER a => set["1", "2", "3", "x", "y"]
        SINTER a b => set["2", "3", "y"]; SINTER a b c => set["3", "y"]; SINTER a none b => set[]
        SUNION a b => set["1", "2", "3", "4", "x", "y", "z"]; SUNION none c => set["3", "y"]
        SDIFF a b => set["1", "x"]; SDIFF a none => set["1", "2", "3", "x", "y"]; SDIFF a a => set[]
        SINTERCARD 2 a b => 3; SINTERCARD 2 a b LIMIT 2 => 2; SINTERCARD 2 a b LIMIT 0 => 3
        SINTERCARD 2 a none => 0
        [ours] SUNIONCARD 2 a b => 7; [ours] SUNIONCARD 2 a b APPROX LIMIT 5 => 5
        [ours] SDIFFCARD 2 a b => 2; [ours] SDIFFCARD 2 a b LIMIT 1 => 1
        SPOP c 0 => set[]; SPOP c 9 => set["3", "y"]; EXISTS c => 0
        "#,
    );
}

#[test]
fn outcomes_are_stored_over_whatever_was_there() {
    check(
        r#"
        SADD a 1 2 3 x y => 5; SADD b 2 3 4 y z => 5; SET d old => OK
        SINTERSTORE d a b => 3; SMEMBERS d => unordered["2", "3", "y"]
        EXPIRE d 100 => 1; SUNIONSTORE d a b d => 7; TTL d => -1
        SDIFFSTORE d a b => 2; SMEMBERS d => unordered["1", "x"]
        SDIFFSTORE a a b => 2; SMEMBERS a => unordered["1", "x"]
        SINTERSTORE d a none => 0; EXISTS d => 0
        SUNIONSTORE d none => 0; SDIFFSTORE d none a => 0; EXISTS d => 0
        "#,
    );
}

#[test]
fn members_are_picked_at_random() {
    check(
        r#"
        SRANDMEMBER none => nil; SPOP none => nil
        SADD s a => 1; SRANDMEMBER s => "a"; SRANDMEMBER s 0 => []; SRANDMEMBER s -2 => ["a", "a"]
        SADD s b => 1; SRANDMEMBER s 5 => unordered["a", "b"]; SRANDMEMBER s 1 => array(1)
        SRANDMEMBER s -100 => array(100)
        SPOP s => "a" | "b"; SCARD s => 1; SPOP s 1 => array(1); EXISTS s => 0
        SRANDMEMBER s x => ERR value is not an integer or out of range
        SRANDMEMBER s -9223372036854775808 => ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        SRANDMEMBER s 1 2 => ERR syntax error
        SPOP s x => ERR value is out of range, must be positive
        SPOP s -1 => ERR value is out of range, must be positive
        SPOP s 1 2 => ERR syntax error
        "#,
    );
}

#[test]
fn a_set_is_walked() {
    check(
        r#"
        SSCAN none 0 => ["0", []]; SSCAN none 0 FOO => ["0", []]
        SSCAN none x => ERR invalid cursor
        SADD s a b1 b2 => 3; SSCAN s 0 COUNT 100 => ["0", unordered["a", "b1", "b2"]]
        SSCAN s 0 MATCH a* COUNT 100 => ["0", ["a"]]; SSCAN s 0 COUNT 100 MATCH x* => ["0", []]
        SSCAN s 0 COUNT 0 => ERR syntax error; SSCAN s 0 COUNT x => ERR value is not an integer or out of range
        SSCAN s 0 TYPE set => ERR syntax error; SSCAN s 0 FOO 1 => ERR syntax error
        "#,
    );
}

#[test]
fn encodings_depend_on_what_is_in_a_set() {
    check(
        r#"
        SADD i 1 2 3 => 3; OBJECT ENCODING i => "intset"
        [7.2] SADD i a => 1; [7.2] OBJECT ENCODING i => "listpack"
        [7.2] SADD l a b => 2; [7.2] OBJECT ENCODING l => "listpack"
        SADD h {{x*65}} => 1; OBJECT ENCODING h => "hashtable"
        CONFIG SET set-max-intset-entries 2 => OK
        SADD j 1 2 => 2; OBJECT ENCODING j => "intset"
        SADD j 3 => 1; OBJECT ENCODING j => "hashtable"
        SINTERSTORE k j j => 3; SADD m 1 2 => 2; SUNIONSTORE m m => 2; OBJECT ENCODING m => "intset"
        "#,
    );
}

#[test]
fn arguments_and_types_are_checked() {
    check(
        r#"
        SET s v => OK; SADD t a => 1
        SADD s a => WRONGTYPE Operation against a key holding the wrong kind of value
        SREM s a => WRONGTYPE Operation against a key holding the wrong kind of value
        SCARD s => WRONGTYPE Operation against a key holding the wrong kind of value
        SMEMBERS s => WRONGTYPE Operation against a key holding the wrong kind of value
        SPOP s => WRONGTYPE Operation against a key holding the wrong kind of value
        SINTER none s => WRONGTYPE Operation against a key holding the wrong kind of value
        SUNION t s => WRONGTYPE Operation against a key holding the wrong kind of value
        SDIFF none s => WRONGTYPE Operation against a key holding the wrong kind of value
        SINTERSTORE d none s => WRONGTYPE Operation against a key holding the wrong kind of value
        SINTERCARD 0 a => ERR numkeys should be greater than 0
        SINTERCARD x a => ERR numkeys should be greater than 0
        SINTERCARD 2 a => ERR Number of keys can't be greater than number of args
        SINTERCARD 1 a b => ERR syntax error
        SINTERCARD 1 a LIMIT -1 => ERR LIMIT can't be negative
        SADD t => ERR wrong number of arguments for 'sadd' command
        SMOVE a b => ERR wrong number of arguments for 'smove' command
        SINTER => ERR wrong number of arguments for 'sinter' command
        "#,
    );
}

#[test]
fn draws_do_not_take_all_memory() {
    // Refused at once where it can be told, and after the fact where the values are long.
    check_both(
        r#"
        SADD s a b => 2; HSET h f v => 1; ZADD z 1 m => 1
        [ours] SRANDMEMBER s -100000000 => ERR value is out of range
        [ours] HRANDFIELD h -100000000 => ERR value is out of range; [ours] HRANDFIELD h -50000000 WITHVALUES => ERR value is out of range
        [ours] ZRANDMEMBER z -9223372036854775807 => ERR value is out of range; [ours] EVAL "return redis.pcall('srandmember', KEYS[1], -100000000)" 1 s => ERR value is out of range
        SRANDMEMBER s -9223372036854775808 => ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        HRANDFIELD h -4611686018427387904 WITHVALUES => ERR value is out of range
        SRANDMEMBER s -3 => array(3); HRANDFIELD h -2 WITHVALUES => ["f", "v", "f", "v"] | [["f", "v"], ["f", "v"]]
        ZRANDMEMBER z -2 WITHSCORES => ["m", "1", "m", "1"] | [["m", double(1)], ["m", double(1)]]
        HRANDFIELD h 5 WITHVALUES => ["f", "v"] | [["f", "v"]]; ZRANDMEMBER z 9 => ["m"]; SRANDMEMBER nope -3 => []; HRANDFIELD nope 3 WITHVALUES => []
        SRANDMEMBER s 0 => []; HRANDFIELD h 0 => []; ZRANDMEMBER z 0 => []; ZRANDMEMBER nope => nil; HRANDFIELD nope => nil
        DEL s h z => 3
        "#,
    );
}
