//! Sorted sets.

use crate::support::{check, check_both, check_resp3};

#[test]
fn zadd_adds_and_changes() {
    check_both(
        r#"
        ZADD z 1 a => 1; ZADD z 1 a => 0; ZADD z 2 a 3 b => 1; ZADD z CH 5 a 3 b 4 c => 2; ZCARD z => 3
        ZSCORE z a => double(5); ZSCORE z b => double(3); ZSCORE z none => nil; ZSCORE nokey a => nil
        ZADD z NX 9 a 9 d => 1; ZSCORE z a => double(5); ZADD z XX 7 a 7 e => 0; ZSCORE z a => double(7); ZCARD z => 4
        ZADD z XX CH 8 a => 1; ZADD none XX 1 a => 0; EXISTS none => 0
        ZADD z GT 7 a => 0; ZSCORE z a => double(8); ZADD z GT CH 9 a 1 new => 2; ZADD z LT CH 10 a 8.5 a => 1
        ZSCORE z a => double(8.5); ZADD z XX GT CH 1 a 100 b 100 nobody => 1
        ZADD z INCR 1.5 a => double(10); ZADD z INCR NX 1 a => nil; ZADD z XX INCR 1 nobody => nil
        ZADD z GT INCR -1 a => nil; ZADD z LT INCR 1 a => nil; ZADD z GT INCR 1 a => double(11); ZADD none XX INCR 1 a => nil
        ZADD z LT INCR -2.5 a => double(8.5); ZADD z incr ch 0.5 a => double(9)
        ZADD i inf a -inf b +inf c => 3; ZSCORE i a => double(inf); ZSCORE i b => double(-inf)
        ZADD i INCR -inf a => ERR resulting score is not a number (NaN)
        ZINCRBY i +inf b => ERR resulting score is not a number (NaN); ZSCORE i b => double(-inf)
        ZADD z 1 => ERR wrong number of arguments for 'zadd' command
        ZADD z 1 a 2 => ERR syntax error; ZADD z NX CH 1 => ERR syntax error; ZADD z NX => ERR wrong number of arguments for 'zadd' command
        ZADD z NX XX CH => ERR syntax error
        ZADD z NX XX 1 a => ERR XX and NX options at the same time are not compatible
        ZADD z NX GT 1 a => ERR GT, LT, and/or NX options at the same time are not compatible
        ZADD z LT GT 1 a => ERR GT, LT, and/or NX options at the same time are not compatible
        ZADD z INCR 1 a 2 b => ERR INCR option supports a single increment-element pair
        ZADD z x a => ERR value is not a valid float; ZADD z 1 ok nan a => ERR value is not a valid float; ZSCORE z ok => nil
        ZADD z 1 ok "" a => ERR value is not a valid float; ZADD z " 1" a => ERR value is not a valid float
        SET s x => OK; ZADD s 1 a => WRONGTYPE ...; ZADD s x a => ERR value is not a valid float; ZSCORE s a => WRONGTYPE ...
        ZADD s XX 1 a => WRONGTYPE ...; ZCARD s => WRONGTYPE ...; ZINCRBY s 1 a => WRONGTYPE ...
        TYPE z => +zset; OBJECT ENCODING z => "listpack"
        "#,
    );
}

#[test]
fn zincrby_adds_to_scores() {
    check_both(
        r#"
        ZINCRBY z 1 a => double(1); ZINCRBY z 0.5 a => double(1.5); ZINCRBY z -3 a => double(-1.5); ZINCRBY z 1e10 a => double(9999999998.5)
        [7.2] ZINCRBY z 1e20 b => double(1e+20); [7.2] ZINCRBY z 1e-7 c => double(1e-7); [7.2] ZINCRBY z 0.1 d => double(0.1)
        [7.2] ZINCRBY z 0.2 d => double(0.30000000000000004); ZADD z 1e-5 e 12345678901234567890 f 3.0 g 0x10 h 1e300 i => 5
        [7.2] ZMSCORE z e f => [double(0.00001), double(12345678901234567000)]; ZMSCORE z g h => [double(3), double(16)]; ZSCORE z i => double(1e+300) | double(1.0000000000000001e+300)
        ZINCRBY z x a => ERR value is not a valid float; ZINCRBY z nan a => ERR value is not a valid float
        ZINCRBY z 1 => ERR wrong number of arguments for 'zincrby' command
        ZINCRBY z 1 a b => ERR wrong number of arguments for 'zincrby' command; ZINCRBY z NX 1 => ERR syntax error
        "#,
    );
}

#[test]
fn zrem_takes_out_and_removes_the_key() {
    check(
        r#"
        ZADD z 1 a 2 b 3 c => 3; ZREM z a x => 1; ZREM z a => 0; ZREM z b b c => 2; EXISTS z => 0; ZREM z a => 0
        SET s x => OK; ZREM s a => WRONGTYPE ...; ZREM z => ERR wrong number of arguments for 'zrem' command
        "#,
    );
}

#[test]
fn zmscore_and_ranks() {
    check_both(
        r#"
        ZADD z 1 a 2 b 2 c 3 d => 4
        ZMSCORE z a x d => [double(1), nil, double(3)]; ZMSCORE none a b => [nil, nil]
        ZRANK z a => 0; ZRANK z d => 3; ZRANK z c => 2; ZRANK z x => nil; ZRANK none x => nil
        ZREVRANK z a => 3; ZREVRANK z d => 0; ZREVRANK z x => nil
        [7.2] ZRANK z c WITHSCORE => [2, double(2)]; [7.2] ZREVRANK z c WITHSCORE => [1, double(2)]
        [7.2] ZRANK z x WITHSCORE => nil-array; [7.2] ZRANK none x WITHSCORE => nil-array
        [7.2] ZRANK z a WITHSCORES => ERR syntax error
        [7.2] ZRANK z a WITHSCORE x => ERR wrong number of arguments for 'zrank' command
        [7.2] ZREVRANK z a WITHSCORE x => ERR wrong number of arguments for 'zrevrank' command
        ZRANK z => ERR wrong number of arguments for 'zrank' command
        SET s x => OK; ZRANK s a => WRONGTYPE ...; ZREVRANK s a => WRONGTYPE ...; ZMSCORE s a => WRONGTYPE ...
        ZMSCORE z => ERR wrong number of arguments for 'zmscore' command
        "#,
    );
}

#[test]
fn zrange_by_position() {
    check(
        r#"
        ZADD z 1 a 2 b 3 c 4 d => 4
        ZRANGE z 0 -1 => ["a", "b", "c", "d"]; ZRANGE z 1 2 => ["b", "c"]; ZRANGE z -2 -1 => ["c", "d"]; ZRANGE z 2 1 => []
        ZRANGE z 4 9 => []; ZRANGE z -9 0 => ["a"]; ZRANGE z 0 -1 WITHSCORES => ["a", "1", "b", "2", "c", "3", "d", "4"]
        ZRANGE z 0 1 REV => ["d", "c"]; ZRANGE z 0 0 REV WITHSCORES => ["d", "4"]; ZREVRANGE z 0 1 => ["d", "c"]
        ZREVRANGE z -1 -1 WITHSCORES => ["a", "1"]; ZREVRANGE z 1 2 => ["c", "b"]; ZRANGE none 0 -1 => []
        ZRANGE z 0 -1 LIMIT 0 -1 => ["a", "b", "c", "d"]
        ZRANGE z 0 -1 LIMIT 0 1 => ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
        ZRANGE z a -1 => ERR value is not an integer or out of range; ZRANGE z 0 1.5 => ERR value is not an integer or out of range
        ZRANGE z 0 -1 FOO => ERR syntax error; ZRANGE z 0 -1 LIMIT 1 => ERR syntax error
        ZRANGE z 0 -1 REV REV => ERR syntax error; ZRANGE z 0 -1 BYLEX BYSCORE => ERR syntax error
        ZREVRANGE z 0 -1 REV => ERR syntax error; ZREVRANGE z 0 -1 BYLEX => ERR syntax error
        ZRANGE none a b => ERR value is not an integer or out of range; ZRANGE z 0 => ERR wrong number of arguments for 'zrange' command
        SET s x => OK; ZRANGE s 0 -1 => WRONGTYPE ...; ZRANGE s 0 x => ERR value is not an integer or out of range; ZREVRANGE s 0 -1 => WRONGTYPE ...
        "#,
    );
}

#[test]
fn resp3_nests_pairs() {
    check_resp3(
        r#"
        ZADD z 1 a 2.5 b => 2
        ZRANGE z 0 -1 WITHSCORES => [["a", double(1)], ["b", double(2.5)]]; ZREVRANGE z 0 0 WITHSCORES => [["b", double(2.5)]]
        ZRANGEBYSCORE z 0 1 WITHSCORES => [["a", double(1)]]; ZUNION 1 z WITHSCORES => [["a", double(1)], ["b", double(2.5)]]
        ZRANDMEMBER z 5 WITHSCORES => unordered[["a", double(1)], ["b", double(2.5)]]; ZDIFF 1 z => ["a", "b"]
        ZSCAN z 0 => ["0", ["a", "1", "b", "2.5"]]
        ZPOPMIN z => ["a", double(1)]; ZPOPMAX z 2 => [["b", double(2.5)]]; ZPOPMIN z => []; ZPOPMIN z 3 => []
        ZADD z 1 a 2 b 3 c => 3; ZMPOP 1 z MIN => ["z", [["a", double(1)]]]; BZPOPMIN z 0 => ["z", "b", double(2)]
        BZMPOP 0 2 none z MAX COUNT 9 => ["z", [["c", double(3)]]]; ZMPOP 1 z MIN => nil
        "#,
    );
}

#[test]
fn zrange_by_score() {
    check(
        r#"
        ZADD z -inf a 1 b 2 c 3 d 4 e 5 f +inf g => 7
        ZRANGEBYSCORE z 0 3 => ["b", "c", "d"]; ZRANGEBYSCORE z (0 (3 => ["b", "c"]; ZRANGEBYSCORE z (1 (2 => []
        ZRANGEBYSCORE z -inf +inf => ["a", "b", "c", "d", "e", "f", "g"]; ZRANGEBYSCORE z (-inf (inf => ["b", "c", "d", "e", "f"]
        ZREVRANGEBYSCORE z 3 0 => ["d", "c", "b"]; ZREVRANGEBYSCORE z 0 3 => []; ZRANGEBYSCORE z 3 0 => []
        ZRANGEBYSCORE z 0 3 WITHSCORES => ["b", "1", "c", "2", "d", "3"]; ZREVRANGEBYSCORE z 2 1 WITHSCORES => ["c", "2", "b", "1"]
        ZRANGEBYSCORE z 0 10 LIMIT 0 2 => ["b", "c"]; ZRANGEBYSCORE z 0 10 LIMIT 2 3 => ["d", "e", "f"]; ZRANGEBYSCORE z 0 10 LIMIT 2 -1 => ["d", "e", "f"]
        ZRANGEBYSCORE z 0 10 LIMIT 20 3 => []; ZRANGEBYSCORE z 0 10 LIMIT -1 3 => []; ZRANGEBYSCORE z 0 10 LIMIT 0 0 => []
        ZREVRANGEBYSCORE z 10 0 LIMIT 1 2 => ["e", "d"]; ZREVRANGEBYSCORE z 10 0 LIMIT 2 -5 => ["d", "c", "b"]
        ZRANGEBYSCORE z 2 5 LIMIT 2 3 WITHSCORES => ["e", "4", "f", "5"]; ZRANGEBYSCORE z 2 5 WITHSCORES LIMIT 2 3 => ["e", "4", "f", "5"]
        ZRANGE z 1 (3 BYSCORE => ["b", "c"]; ZRANGE z (3 1 BYSCORE REV => ["c", "b"]; ZRANGE z 1 3 BYSCORE REV => []
        ZRANGE z 5 0 BYSCORE REV LIMIT 1 2 WITHSCORES => ["e", "4", "d", "3"]
        ZRANGEBYSCORE z "" "3" => ["b", "c", "d"]; ZRANGEBYSCORE z " 1" 1 => ["b"]; ZRANGEBYSCORE z 1 1e400 => ["b", "c", "d", "e", "f", "g"]
        ZRANGEBYSCORE z a 1 => ERR min or max is not a float; ZRANGEBYSCORE z 1 nan => ERR min or max is not a float
        ZRANGEBYSCORE z "1 " 1 => ERR min or max is not a float; ZRANGEBYSCORE z ((1 1 => ERR min or max is not a float
        ZREVRANGEBYSCORE z 1 x => ERR min or max is not a float; ZRANGEBYSCORE z 1 2 LIMIT x 1 => ERR value is not an integer or out of range
        ZRANGEBYSCORE z 1 2 LIMIT 1 => ERR syntax error; ZRANGEBYSCORE z 1 2 REV => ERR syntax error
        ZRANGEBYSCORE none 1 2 => []; SET s x => OK; ZRANGEBYSCORE s 1 2 => WRONGTYPE ...; ZREVRANGEBYSCORE s 2 1 => WRONGTYPE ...
        ZCOUNT z 1 3 => 3; ZCOUNT z (1 3 => 2; ZCOUNT z -inf inf => 7; ZCOUNT z 9 1 => 0; ZCOUNT none 1 3 => 0; ZCOUNT s 1 3 => WRONGTYPE ...
        ZCOUNT z x 1 => ERR min or max is not a float; ZCOUNT z 1 => ERR wrong number of arguments for 'zcount' command
        "#,
    );
}

#[test]
fn zrange_by_name() {
    check(
        r#"
        ZADD z 0 alpha 0 bar 0 cool 0 down 0 elephant 0 foo 0 great 0 hill 0 omega => 9
        ZRANGEBYLEX z - [cool => ["alpha", "bar", "cool"]; ZRANGEBYLEX z [bar [down => ["bar", "cool", "down"]; ZRANGEBYLEX z (b (d => ["bar", "cool"]
        ZRANGEBYLEX z [g + => ["great", "hill", "omega"]; ZREVRANGEBYLEX z [cool - => ["cool", "bar", "alpha"]; ZREVRANGEBYLEX z + (great => ["omega", "hill"]
        ZRANGEBYLEX z + - => []; ZRANGEBYLEX z - - => []; ZRANGEBYLEX z (hill (omega => []; ZRANGEBYLEX z [z [a => []
        ZRANGEBYLEX z - + LIMIT 2 3 => ["cool", "down", "elephant"]; ZREVRANGEBYLEX z + - LIMIT 1 2 => ["hill", "great"]; ZRANGEBYLEX z - + LIMIT -1 2 => []
        ZRANGE z [c [e BYLEX => ["cool", "down"]; ZRANGE z [e [c BYLEX REV => ["down", "cool"]; ZRANGE z - + BYLEX LIMIT 7 -1 => ["hill", "omega"]
        ZLEXCOUNT z - + => 9; ZLEXCOUNT z [b (d => 2; ZLEXCOUNT z + - => 0; ZLEXCOUNT none - + => 0
        ZRANGE z - + BYLEX WITHSCORES => ERR syntax error, WITHSCORES not supported in combination with BYLEX
        ZRANGEBYLEX z - + WITHSCORES => ERR syntax error, WITHSCORES not supported in combination with BYLEX
        ZRANGEBYLEX z a + => ERR min or max not valid string range item; ZRANGEBYLEX z - ++ => ERR min or max not valid string range item
        ZREVRANGEBYLEX z + "" => ERR min or max not valid string range item; ZLEXCOUNT z - x => ERR min or max not valid string range item
        SET s x => OK; ZRANGEBYLEX s - + => WRONGTYPE ...; ZREVRANGEBYLEX s + - => WRONGTYPE ...; ZLEXCOUNT s - + => WRONGTYPE ...
        ZADD n 0 1 0 12 0 2 0 -5 => 4; ZRANGEBYLEX n [1 [2 => ["1", "12", "2"]; ZRANGEBYLEX n - (1 => ["-5"]
        "#,
    );
}

#[test]
fn zrangestore_stores_a_range() {
    check(
        r#"
        ZADD {t}z 1 a 2 b 3 c 4 d => 4
        ZRANGESTORE {t}d {t}z 0 -1 => 4; ZRANGE {t}d 0 -1 WITHSCORES => ["a", "1", "b", "2", "c", "3", "d", "4"]
        ZRANGESTORE {t}d {t}z 1 2 REV => 2; ZRANGE {t}d 0 -1 => ["b", "c"]; ZRANGESTORE {t}d {t}z (1 3 BYSCORE => 2; ZRANGE {t}d 0 -1 => ["b", "c"]
        ZRANGESTORE {t}d {t}z 9 0 BYSCORE REV LIMIT 0 1 => 1; ZRANGE {t}d 0 -1 => ["d"]; ZRANGESTORE {t}d {t}z [a [b BYLEX => 2
        PEXPIRE {t}d 100000 => 1; ZRANGESTORE {t}d {t}z 0 0 => 1; TTL {t}d => -1; ZRANGESTORE {t}z {t}z 1 2 => 2; ZRANGE {t}z 0 -1 => ["b", "c"]
        ZRANGESTORE {t}d {t}z 5 9 => 0; EXISTS {t}d => 0; SET {t}s x => OK; ZRANGESTORE {t}s {t}none 0 -1 => 0; EXISTS {t}s => 0
        SET {t}s x => OK; ZRANGESTORE {t}d {t}s 0 -1 => WRONGTYPE ...; ZRANGESTORE {t}s {t}z 0 -1 => 2; TYPE {t}s => +zset
        ZRANGESTORE {t}d {t}z 0 -1 WITHSCORES => ERR syntax error; ZRANGESTORE {t}d {t}z 0 -1 LIMIT 1 2 => ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
        ZRANGESTORE {t}d {t}z a b => ERR value is not an integer or out of range; ZRANGESTORE {t}d {t}z a b BYSCORE => ERR min or max is not a float
        "#,
    );
    check(
        "ZADD one 1 a 2 b => 2; ZRANGESTORE two one 0 0 => 1; ZRANGESTORE three two 0 -1 => 1; ZRANGE three 0 -1 => [\"a\"]",
    );
}

#[test]
fn zremrange_removes_ranges() {
    check(
        r#"
        ZADD z 1 a 2 b 3 c 4 d 5 e => 5; ZREMRANGEBYRANK z 1 2 => 2; ZRANGE z 0 -1 => ["a", "d", "e"]; ZREMRANGEBYRANK z -1 -1 => 1
        ZREMRANGEBYRANK z 5 9 => 0; ZREMRANGEBYRANK z 1 0 => 0; ZREMRANGEBYRANK z 0 -1 => 2; EXISTS z => 0; ZREMRANGEBYRANK z 0 -1 => 0
        ZADD z 1 a 2 b 3 c 4 d 5 e => 5; ZREMRANGEBYSCORE z (1 3 => 2; ZREMRANGEBYSCORE z 9 1 => 0; ZRANGE z 0 -1 => ["a", "d", "e"]
        ZREMRANGEBYSCORE z -inf inf => 3; EXISTS z => 0; ZREMRANGEBYSCORE z 1 2 => 0
        ZADD z 0 a 0 b 0 c 0 d => 4; ZREMRANGEBYLEX z [b (d => 2; ZRANGE z 0 -1 => ["a", "d"]; ZREMRANGEBYLEX z - + => 2; EXISTS z => 0
        ZREMRANGEBYRANK z a 1 => ERR value is not an integer or out of range; ZREMRANGEBYSCORE z a 1 => ERR min or max is not a float
        ZREMRANGEBYLEX z a 1 => ERR min or max not valid string range item; ZREMRANGEBYRANK z 0 => ERR wrong number of arguments for 'zremrangebyrank' command
        SET s x => OK; ZREMRANGEBYRANK s 0 -1 => WRONGTYPE ...; ZREMRANGEBYSCORE s 0 1 => WRONGTYPE ...; ZREMRANGEBYLEX s - + => WRONGTYPE ...
        "#,
    );
}

#[test]
fn zpop_takes_from_the_ends() {
    check(
        r#"
        ZADD z 1 a 2 b 3 c 4 d => 4; ZPOPMIN z => ["a", "1"]; ZPOPMAX z => ["d", "4"]; ZPOPMIN z 0 => []; ZPOPMAX z 9 => ["c", "3", "b", "2"]; EXISTS z => 0
        ZPOPMIN z => []; ZPOPMAX none 2 => []; SET s x => OK; ZPOPMIN s => WRONGTYPE ...; ZPOPMAX s 0 => WRONGTYPE ...
        ZPOPMIN z -1 => ERR value is out of range, must be positive; ZPOPMIN z x => ERR value is out of range, must be positive
        ZPOPMIN z 1 2 => ERR syntax error; ZPOPMAX => ERR wrong number of arguments for 'zpopmax' command
        ZADD z 1 a 2 b 3 c => 3; ZMPOP 1 z MIN => ["z", [["a", "1"]]]; ZMPOP 2 none z MAX COUNT 5 => ["z", [["c", "3"], ["b", "2"]]]; ZMPOP 1 z MAX => nil-array
        ZMPOP 0 z MIN => ERR numkeys should be greater than 0; ZMPOP x z MIN => ERR numkeys should be greater than 0; ZMPOP 2 z MIN => ERR syntax error
        ZMPOP 1 z => ERR wrong number of arguments for 'zmpop' command; ZMPOP 1 z FOO => ERR syntax error; ZMPOP 1 z MIN COUNT => ERR syntax error
        ZMPOP 1 z MIN COUNT 0 => ERR count should be greater than 0; ZMPOP 1 z MIN COUNT x => ERR count should be greater than 0
        ZMPOP 1 z MIN COUNT 1 COUNT 2 => ERR syntax error; ZMPOP 1 z MIN FOO 1 => ERR syntax error; ZMPOP 9223372036854775807 z MIN => ERR syntax error
        ZMPOP 1 s MIN => WRONGTYPE ...; ZMPOP 2 none s MIN => WRONGTYPE ...
        "#,
    );
}

#[test]
fn bzpop_waits() {
    check(
        r#"
        ZADD z 1 a 2 b 3 c 4 d => 4; BZPOPMIN z 0 => ["z", "a", "1"]; BZPOPMAX none z 1 => ["z", "d", "4"]; BZMPOP 0 1 z MIN COUNT 5 => ["z", [["b", "2"], ["c", "3"]]]
        BZPOPMIN z 0.01 => nil-array; BZPOPMAX z 0.01 => nil-array; BZMPOP 0.01 1 z MIN => nil-array
        BZPOPMIN z x => ERR timeout is not a float or out of range; BZPOPMIN z -1 => ERR timeout is negative; [7.2] BZPOPMAX z 1e300 => ERR timeout is out of range
        BZMPOP x 1 z MIN => ERR timeout is not a float or out of range; BZMPOP x 0 z MIN => ERR numkeys should be greater than 0; BZMPOP -1 1 z MIN => ERR timeout is negative
        BZMPOP 0 1 z FOO => ERR syntax error; BZMPOP 0 1 z MIN COUNT 0 => ERR count should be greater than 0; BZPOPMIN z => ERR wrong number of arguments for 'bzpopmin' command
        SET s x => OK; BZPOPMIN s 0 => WRONGTYPE ...; BZMPOP 0 1 s MAX => WRONGTYPE ...
        MULTI => OK; BZPOPMIN none 0 => QUEUED; BZMPOP 0 1 none MIN => QUEUED; EXEC => [nil-array, nil-array]
        c2: raw "BZPOPMIN q1 q2 0\r\n" => none
        ZADD q2 5 x 6 y => 2
        c2: read => ["q2", "x", "5"]
        ZRANGE q2 0 -1 => ["y"]; ZPOPMIN q2 => ["y", "6"]
        c2: raw "BZMPOP 0 2 q1 q2 MAX COUNT 2\r\n" => none
        eventually INFO clients => /blocked_clients:1/
        SET q1 string => OK; DEL q1 => 1; ZADD {q1}src 1 a 2 b 3 c => 3; RENAME {q1}src q1 => OK
        c2: read => ["q1", [["c", "3"], ["b", "2"]]]
        "#,
    );
}

#[test]
fn zrandmember_picks() {
    check(
        r#"
        ZADD z 1 a 2 b 3 c => 3; ZRANDMEMBER z => /^[abc]$/; ZRANDMEMBER z 0 => []; ZRANDMEMBER none => nil; ZRANDMEMBER none 3 => []
        ZRANDMEMBER z 5 => unordered["a", "b", "c"]; ZRANDMEMBER z 2 => array(2); ZRANDMEMBER z -7 => array(7); ZRANDMEMBER z -5 WITHSCORES => array(10)
        ZRANDMEMBER z 1 WITHSCORES => array(2); ZADD one 7 x => 1; ZRANDMEMBER one -3 WITHSCORES => ["x", "7", "x", "7", "x", "7"]
        ZRANDMEMBER z x => ERR value is not an integer or out of range; ZRANDMEMBER z 1 FOO => ERR syntax error; ZRANDMEMBER z 1 WITHSCORES x => ERR syntax error
        ZRANDMEMBER z -9223372036854775808 => ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        ZRANDMEMBER z 9223372036854775807 WITHSCORES => ERR value is out of range; ZRANDMEMBER z -9223372036854775807 WITHSCORES => ERR value is out of range
        ZRANDMEMBER z 9223372036854775807 => unordered["a", "b", "c"]; SET s x => OK; ZRANDMEMBER s => WRONGTYPE ...; ZRANDMEMBER s 1 => WRONGTYPE ...
        "#,
    );
}

#[test]
fn zscan_walks() {
    check(
        r#"
        ZADD z 1 a 2 b 3.5 ab => 3; ZSCAN z 0 => ["0", ["a", "1", "b", "2", "ab", "3.5"]]; ZSCAN z 0 MATCH a* => ["0", ["a", "1", "ab", "3.5"]]
        ZSCAN z 0 COUNT 1 MATCH b => ["0", ["b", "2"]]; ZSCAN none 0 => ["0", []]; ZSCAN z x => ERR invalid cursor; ZSCAN none x => ERR invalid cursor
        ZSCAN z 0 COUNT 0 => ERR syntax error; ZSCAN z 0 FOO => ERR syntax error; ZSCAN none 0 FOO => ["0", []]; ZSCAN z 0 TYPE zset => ERR syntax error
        [ours] ZSCAN z 0 NOSCORES => ["0", ["a", "b", "ab"]]; [ours] ZSCAN z 0 noscores MATCH a* COUNT 5 => ["0", ["a", "ab"]]
        [ours] SADD m a => 1; [ours] SSCAN m 0 NOSCORES => ERR NOSCORES option can only be used in ZSCAN; [ours] SCAN 0 NOSCORES => ERR NOSCORES option can only be used in ZSCAN
        [ours] ZSCAN z 0 NOVALUES => ERR NOVALUES option can only be used in HSCAN
        SET s x => OK; ZSCAN s 0 => WRONGTYPE ...
        "#,
    );
}

#[test]
fn unions() {
    check(
        r#"
        ZADD {t}a 1 x 2 y 3 z => 3; ZADD {t}b 10 y 20 z 30 w => 3
        ZUNION 2 {t}a {t}b => ["x", "y", "z", "w"]; ZUNION 2 {t}a {t}b WITHSCORES => ["x", "1", "y", "12", "z", "23", "w", "30"]
        ZUNION 2 {t}a {t}b WEIGHTS 2 -1 WITHSCORES => ["w", "-30", "z", "-14", "y", "-6", "x", "2"]; ZUNION 2 {t}a {t}b AGGREGATE MIN WITHSCORES => ["x", "1", "y", "2", "z", "3", "w", "30"]
        ZUNION 2 {t}a {t}b AGGREGATE max WEIGHTS 1 1 WITHSCORES => ["x", "1", "y", "10", "z", "20", "w", "30"]; ZUNION 1 {t}none => []; ZUNION 3 {t}a {t}a {t}none WITHSCORES => ["x", "2", "y", "4", "z", "6"]
        ZUNIONSTORE {t}d 2 {t}a {t}b => 4; ZRANGE {t}d 0 -1 WITHSCORES => ["x", "1", "y", "12", "z", "23", "w", "30"]; OBJECT ENCODING {t}d => "listpack"
        ZUNIONSTORE {t}a 2 {t}a {t}b AGGREGATE SUM => 4; ZSCORE {t}a w => "30"; ZUNIONSTORE {t}d 1 {t}none => 0; EXISTS {t}d => 0
        ZADD {t}i inf x => 1; ZADD {t}j -inf x => 1; ZUNION 2 {t}i {t}j WITHSCORES => ["x", "0"]; ZUNION 1 {t}i WEIGHTS 0 WITHSCORES => ["x", "0"]
        ZUNION 0 {t}a => ERR at least 1 input key is needed for 'zunion' command; ZUNIONSTORE {t}d 0 {t}a => ERR at least 1 input key is needed for 'zunionstore' command
        ZUNION x {t}a => ERR value is not an integer or out of range; ZUNION 3 {t}a {t}b => ERR syntax error; ZUNION 1 {t}a FOO => ERR syntax error
        ZUNION 2 {t}a {t}b WEIGHTS 1 => ERR syntax error; ZUNION 1 {t}a WEIGHTS x => ERR weight value is not a float; ZUNION 1 {t}a WEIGHTS nan => ERR weight value is not a float
        ZUNION 1 {t}a AGGREGATE => ERR syntax error; ZUNION 1 {t}a AGGREGATE FOO => ERR syntax error; ZUNIONSTORE {t}d 1 {t}a WITHSCORES => ERR syntax error
        SET {t}s x => OK; ZUNION 2 {t}a {t}s => WRONGTYPE ...; ZUNION 2 {t}a {t}s FOO => WRONGTYPE ...; ZUNIONSTORE {t}d 1 {t}s => WRONGTYPE ...
        ZUNIONSTORE {t}s 1 {t}b => 3; TYPE {t}s => +zset
        "#,
    );
    check(
        "ZADD a 1 x => 1; ZADD b 2 x 3 y => 2; ZUNION 2 a b WITHSCORES => [\"x\", \"3\", \"y\", \"3\"]; ZUNIONSTORE c 2 a b => 2; ZSCORE c x => \"3\"",
    );
}

#[test]
fn intersections_and_differences() {
    check(
        r#"
        ZADD {t}a 1 x 2 y 3 z => 3; ZADD {t}b 10 y 20 z 30 w => 3; ZADD {t}c 5 z => 1
        ZINTER 2 {t}a {t}b => ["y", "z"]; ZINTER 2 {t}a {t}b WITHSCORES => ["y", "12", "z", "23"]; ZINTER 3 {t}a {t}b {t}c WITHSCORES => ["z", "28"]
        ZINTER 2 {t}a {t}b WEIGHTS 1 -1 AGGREGATE MIN WITHSCORES => ["z", "-20", "y", "-10"]; ZINTER 2 {t}a {t}none => []; ZINTER 2 {t}a {t}a WITHSCORES => ["x", "2", "y", "4", "z", "6"]
        ZINTERSTORE {t}d 2 {t}a {t}b => 2; ZRANGE {t}d 0 -1 WITHSCORES => ["y", "12", "z", "23"]; ZINTERSTORE {t}d 2 {t}a {t}none => 0; EXISTS {t}d => 0
        ZINTERCARD 2 {t}a {t}b => 2; ZINTERCARD 2 {t}a {t}b LIMIT 1 => 1; ZINTERCARD 2 {t}a {t}b LIMIT 0 => 2; ZINTERCARD 1 {t}none => 0
        ZINTERCARD 1 {t}a LIMIT -1 => ERR LIMIT can't be negative; ZINTERCARD 1 {t}a LIMIT x => ERR LIMIT can't be negative; ZINTERCARD 1 {t}a LIMIT => ERR syntax error
        ZINTERCARD 0 {t}a => ERR at least 1 input key is needed for 'zintercard' command; ZINTERCARD 1 {t}a WITHSCORES => ERR syntax error; ZINTERCARD 1 {t}a WEIGHTS 1 => ERR syntax error
        ZINTER 0 {t}a => ERR at least 1 input key is needed for 'zinter' command; ZINTERSTORE {t}d 0 {t}a => ERR at least 1 input key is needed for 'zinterstore' command
        ZDIFF 2 {t}a {t}b => ["x"]; ZDIFF 2 {t}a {t}b WITHSCORES => ["x", "1"]; ZDIFF 2 {t}a {t}none WITHSCORES => ["x", "1", "y", "2", "z", "3"]; ZDIFF 2 {t}a {t}a => []; ZDIFF 2 {t}none {t}a => []
        ZDIFFSTORE {t}d 2 {t}a {t}c => 2; ZRANGE {t}d 0 -1 => ["x", "y"]; ZDIFFSTORE {t}d 2 {t}a {t}a => 0; EXISTS {t}d => 0
        ZDIFF 1 {t}a WEIGHTS 1 => ERR syntax error; ZDIFF 1 {t}a AGGREGATE SUM => ERR syntax error; ZDIFF 0 {t}a => ERR at least 1 input key is needed for 'zdiff' command
        ZDIFFSTORE {t}d 0 {t}a => ERR at least 1 input key is needed for 'zdiffstore' command; ZDIFFSTORE {t}d 1 {t}a WITHSCORES => ERR syntax error
        SADD {t}set x w 7 => 3; SADD {t}ints 7 8 => 2; ZINTER 2 {t}a {t}set WITHSCORES => ["x", "2"]; ZUNION 2 {t}ints {t}set WITHSCORES => ["8", "1", "w", "1", "x", "1", "7", "2"]; ZDIFF 2 {t}a {t}set => ["y", "z"]
        ZINTERCARD 2 {t}ints {t}set => 1; ZUNIONSTORE {t}d 2 {t}a {t}set WEIGHTS 1 5 => 5; ZSCORE {t}d x => "6"; ZINTER 1 {t}ints WITHSCORES => ["7", "1", "8", "1"]
        SET {t}s x => OK; ZINTER 2 {t}none {t}s => WRONGTYPE ...; ZDIFF 2 {t}a {t}s => WRONGTYPE ...; ZINTERCARD 1 {t}s => WRONGTYPE ...
        "#,
    );
}

#[test]
fn large_sets_are_skiplists() {
    check(
        r#"
        CONFIG SET zset-max-listpack-entries 3 => OK
        ZADD z 1 a 2 b 3 c => 3; OBJECT ENCODING z => "listpack"; ZADD z 3 c => 0; OBJECT ENCODING z => "listpack"; ZADD z 4 d => 1; OBJECT ENCODING z => "skiplist"
        ZREM z d => 1; OBJECT ENCODING z => "skiplist"; ZRANGE z 0 -1 WITHSCORES => ["a", "1", "b", "2", "c", "3"]; ZRANK z c => 2; ZSCORE z b => "2"; ZRANGEBYSCORE z (1 3 => ["b", "c"]
        ZADD z 0.5 c => 0; ZRANGE z 0 -1 => ["c", "a", "b"]; ZINCRBY z 10 a => "11"; ZRANGE z 0 -1 REV => ["a", "b", "c"]; ZREMRANGEBYRANK z 0 0 => 1; ZPOPMAX z => ["a", "11"]
        ZADD w 1 {{x*65}} => 1; OBJECT ENCODING w => "skiplist"; ZADD v 1 {{x*64}} => 1; OBJECT ENCODING v => "listpack"; CONFIG SET zset-max-listpack-value 10 => OK; ZADD u 1 {{x*11}} => 1; OBJECT ENCODING u => "skiplist"
        ZADD {z}big 1 a 2 b 3 c 4 d => 4; ZUNIONSTORE z 1 {z}big => 4; OBJECT ENCODING z => "skiplist"; ZRANGESTORE z {z}big 0 2 => 3; OBJECT ENCODING z => "listpack"; ZRANGESTORE z {z}big 0 3 => 4; OBJECT ENCODING z => "skiplist"
        ZINTERSTORE z 2 {z}big {z}big => 4; OBJECT ENCODING z => "skiplist"; COPY z {z}copy => 1; ZRANGE {z}copy 0 -1 WITHSCORES => ["a", "2", "b", "4", "c", "6", "d", "8"]; OBJECT ENCODING {z}copy => "skiplist"
        ZSCAN {z}copy 0 COUNT 100 => ["0", unordered["a", "2", "b", "4", "c", "6", "d", "8"]]; ZLEXCOUNT {z}copy - + => 4; ZMPOP 1 {z}copy MAX COUNT 2 => ["{z}copy", [["d", "8"], ["c", "6"]]]
        "#,
    );
}

#[test]
fn sort_takes_sorted_sets() {
    check(
        r#"
        ZADD z 3 1 2 5 1 4 => 3; SORT z => ["1", "4", "5"]; SORT z DESC => ["5", "4", "1"]; SORT z BY nosort => ["4", "5", "1"]; SORT z BY nosort DESC => ["1", "5", "4"]
        SORT z BY nosort DESC LIMIT 0 2 => ["1", "5"]; SORT z BY nosort ASC LIMIT 1 9 => ["5", "1"]; SORT_RO z BY nosort GET # => ["4", "5", "1"]; ZADD z 1 x => 1; SORT z => ERR One or more scores can't be converted into double
        SORT z ALPHA => ["1", "4", "5", "x"]
        "#,
    );
}
