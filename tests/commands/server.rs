//! COMMAND, CONFIG, INFO, MEMORY, SLOWLOG, LATENCY, DEBUG, MONITOR, TIME and the rest of the server group.

use crate::support::check::on_every_server;
use crate::support::{Value, check, check_both, check_resp3, each_variant, info_number};

#[test]
fn command_info() {
    check_both(
        r#"
        COMMAND INFO get => [["get", 2, set[+readonly, +fast], 1, 1, 1, set[+"@read", +"@string", +"@fast"], any, any, any]]
        COMMAND INFO GET nosuch set => [array(10), nil, array(10)]
        COMMAND INFO set => [["set", -3, set[+write, +denyoom], 1, 1, 1, set[+"@write", +"@string", +"@slow"], any, any, any]]
        COMMAND INFO mset => [["mset", -3, set[+write, +denyoom], 1, -1, 2, ...]]
        COMMAND INFO ping => [["ping", -1, set[+fast], 0, 0, 0, ...]]
        COMMAND INFO client|id => [["client|id", 2, set[+noscript, +loading, +stale], 0, 0, 0, ...]]
        COMMAND INFO client|nosuch => [nil]
        COMMAND INFO config => [["config", -2, any, 0, 0, 0, set[+"@slow"], any, any, array]]
        COMMAND INFO sort => [["sort", -2, set[+write, +denyoom, +movablekeys], 1, 1, 1, ...]]
        COMMAND INFO bitop => [["bitop", -4, set[+write, +denyoom], 2, -1, 1, ...]]
        COMMAND INFO object|encoding => [["object|encoding", 3, set[+readonly], 2, 2, 1, ...]]
        "#,
    );
    check_resp3(
        "COMMAND INFO get => [[any, any, set[+readonly, +fast], 1, 1, 1, any, set[], set[{\"flags\": any, \"begin_search\": any, \"find_keys\": any}], set[]]]",
    );
}

#[test]
fn command_key_specs() {
    check(
        r#"
        COMMAND INFO get => [[any, any, any, any, any, any, any, [], [["flags", [+RO, +access],
            "begin_search", ["type", "index", "spec", ["index", 1]],
            "find_keys", ["type", "range", "spec", ["lastkey", 0, "keystep", 1, "limit", 0]]]], []]]
        COMMAND INFO del => [[any, any, any, 1, -1, 1, any,
            ["request_policy:multi_shard", "response_policy:agg_sum"],
            [["flags", [+RM, +delete], "begin_search", any,
              "find_keys", ["type", "range", "spec", ["lastkey", -1, "keystep", 1, "limit", 0]]]], []]]
        COMMAND INFO rename => [[any, any, any, 1, 2, 1, any, [],
            [["flags", [+RW, +access, +delete], ...], ["flags", [+OW, +update], ...]], []]]
        "#,
    );
}

#[test]
fn command_list_and_count() {
    check_both(
        r#"
        COMMAND COUNT => 100..500
        COMMAND LIST FILTERBY PATTERN xyz* => []
        COMMAND LIST FILTERBY PATTERN get => ["get"]
        COMMAND LIST FILTERBY PATTERN *exec* => ["exec"]
        COMMAND LIST FILTERBY PATTERN PSET* => ["psetex"]
        COMMAND LIST FILTERBY MODULE nosuch => []
        COMMAND LIST FILTERBY ACLCAT nosuch => []
        COMMAND LIST FILTERBY FOO bar => ERR syntax error
        COMMAND LIST FILTERBY PATTERN => ERR syntax error
        COMMAND LIST FOO => ERR syntax error
        COMMAND COUNT x => ERR wrong number of arguments for 'command|count' command
        COMMAND FOO => ERR unknown subcommand 'FOO'. Try COMMAND HELP.
        COMMAND HELP => [+"COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", +"(no subcommand)", ...]
        "#,
    );
}

#[test]
fn command_answers_agree_with_each_other() {
    on_every_server(|server| {
        let mut conn = server.conn();
        let count = conn.call("COMMAND COUNT").int();
        let all = conn.call("COMMAND");
        let list = conn.call("COMMAND LIST");
        let info = conn.call("COMMAND INFO");
        let docs = conn.call("COMMAND DOCS");
        assert_eq!(all.elements().len() as i64, count);
        assert_eq!(info.elements().len() as i64, count);
        assert_eq!(docs.elements().len() as i64, 2 * count);
        // COMMAND LIST names subcommands as well.
        let top = list
            .elements()
            .iter()
            .filter(|name| !name.text().contains('|'))
            .count();
        assert_eq!(top as i64, count);
        for row in all.elements() {
            let row = row.elements();
            let name = row[0].text();
            assert_eq!(row.len(), 10, "{name}");
            assert_ne!(row[1].int(), 0, "{name}: arity");
            assert_eq!(name, name.to_lowercase());
            let single = conn.call(&format!("COMMAND INFO {name}"));
            assert_eq!(single.elements()[0].elements()[1], row[1], "{name}");
        }
    });
}

#[test]
fn command_docs() {
    check_both(
        r#"
        COMMAND DOCS nosuch => {}
        COMMAND DOCS get => {"get": {"summary": bulk, "since": "1.0.0", "group": "string", "complexity": "O(1)", ...}}
        COMMAND DOCS exists => {"exists": {"summary": bulk, "since": "1.0.0", "group": "generic", "complexity": bulk, "history": set[["3.0.3", bulk]], ...}}
        COMMAND DOCS GET set => {"get": any, "set": any}
        COMMAND DOCS client|id => {"client|id": {"summary": bulk, "since": "5.0.0", "group": "connection", ...}}
        COMMAND DOCS client => {"client": {"summary": bulk, "since": "2.4.0", "group": "connection", "complexity": bulk, "subcommands": any}}
        "#,
    );
}

#[test]
fn command_getkeys() {
    check_both(
        r#"
        COMMAND GETKEYS get k => ["k"]
        COMMAND GETKEYS MSET a 1 b 2 => ["a", "b"]
        COMMAND GETKEYS mset a b c => ["a", "c"]; COMMAND GETKEYS msetnx a b c d e => ["a", "c", "e"]
        COMMAND GETKEYSANDFLAGS mset a b c => [["a", set[+"OW", +"update"]], ["c", set[+"OW", +"update"]]]
        COMMAND GETKEYS mset a => ERR Invalid number of arguments specified for command
        COMMAND GETKEYS del a b c => ["a", "b", "c"]
        COMMAND GETKEYS rename a b => ["a", "b"]
        COMMAND GETKEYS bitop and d a b => ["d", "a", "b"]
        COMMAND GETKEYS sort l store d => ["l", "d"]
        COMMAND GETKEYS sort l by w_* limit 0 1 => ["l"]
        COMMAND GETKEYS object encoding k => ["k"]
        COMMAND GETKEYS memory usage k => ["k"]
        COMMAND GETKEYS set k v => ["k"]
        [7.2] COMMAND GETKEYS ping => ERR The command has no key arguments
        COMMAND GETKEYS nosuch a => ERR Invalid command specified
        [7.2] COMMAND GETKEYS get => ERR Invalid number of arguments specified for command
        COMMAND GETKEYS get a b => ERR Invalid number of arguments specified for command
        COMMAND GETKEYS => ERR wrong number of arguments for 'command|getkeys' command
        COMMAND GETKEYSANDFLAGS get k => [["k", set[+RO, +access]]]
        COMMAND GETKEYSANDFLAGS set k v => [["k", set[+OW, +update]]]
        COMMAND GETKEYSANDFLAGS set k v get => [["k", set[+RW, +access, +update]]]
        COMMAND GETKEYSANDFLAGS rename a b => [["a", set[+RW, +access, +delete]], ["b", set[+OW, +update]]]
        [7.2] COMMAND GETKEYSANDFLAGS ping => ERR The command has no key arguments
        "#,
    );
}

#[test]
fn config_get_and_set() {
    check_both(
        r#"
        CONFIG GET maxmemory-policy => {"maxmemory-policy": "noeviction"}
        CONFIG GET nosuch => {}; CONFIG GET MAXCLIENTS => {"MAXCLIENTS": bulk}; CONFIG GET MAXCLIENT[S] => {"maxclients": bulk}
        CONFIG GET databases maxmemory => {"databases": "16", "maxmemory": "0"}
        CONFIG GET data* => {"databases": "16"}
        CONFIG GET slowlog-[lm]* => {"slowlog-log-slower-than": "10000", "slowlog-max-len": "128"}
        CONFIG GET timeout timeout => {"timeout": "0"}
        CONFIG SET timeout 100 => OK; CONFIG GET timeout => {"timeout": "100"}
        CONFIG SET timeout 0 => OK
        CONFIG SET maxmemory 100mb => OK; CONFIG GET maxmemory => {"maxmemory": "104857600"}
        CONFIG SET maxmemory 1gb => OK; CONFIG GET maxmemory => {"maxmemory": "1073741824"}
        CONFIG SET maxmemory 2000k => OK; CONFIG GET maxmemory => {"maxmemory": "2000000"}
        CONFIG SET maxmemory 18446744073709551616 => OK; CONFIG GET maxmemory => {"maxmemory": "18446744073709551615"}
        CONFIG SET maxmemory 0 => OK
        CONFIG SET maxmemory-clients 18446744073709551615 => OK; CONFIG GET maxmemory-clients => {"maxmemory-clients": "1%"}
        CONFIG SET maxmemory-clients 9223372036854775808 => ERR CONFIG SET failed (possibly related to argument 'maxmemory-clients') - percentage argument must be less or equal to 100
        CONFIG SET maxmemory-clients 9223372036854775807 => OK; CONFIG SET maxmemory-clients 0 => OK
        CONFIG SET maxmemory-policy ALLKEYS-LRU => OK; CONFIG GET maxmemory-policy => {"maxmemory-policy": "allkeys-lru"}
        CONFIG SET timeout 7 slowlog-max-len 9 => OK; CONFIG GET timeout slowlog-max-len => {"timeout": "7", "slowlog-max-len": "9"}
        CONFIG SET lfu-log-factor 20 => OK; CONFIG GET lfu-log-factor => {"lfu-log-factor": "20"}
        "#,
    );
}

#[test]
fn config_refuses_bad_settings() {
    check(
        r#"
        CONFIG SET timeout 5 => OK
        CONFIG SET nosuch 1 => ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'
        CONFIG SET timeout => ERR wrong number of arguments for 'config|set' command
        CONFIG SET timeout 1 maxmemory => ERR syntax error
        CONFIG SET timeout abc => ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer
        CONFIG SET timeout -1 => ERR CONFIG SET failed (possibly related to argument 'timeout') - argument must be between 0 and 2147483647 inclusive
        CONFIG SET maxmemory abc => ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value
        CONFIG SET maxmemory-policy foo => ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - argument(s) must be one of the following: ...
        CONFIG SET appendonly maybe => ERR CONFIG SET failed (possibly related to argument 'appendonly') - argument must be 'yes' or 'no'
        CONFIG SET databases 4 => ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config
        CONFIG SET timeout 6 timeout 7 => ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter
        CONFIG SET timeout 8 maxmemory abc => ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value
        CONFIG GET timeout => ["timeout", "5"]
        CONFIG GET => ERR wrong number of arguments for 'config|get' command
        CONFIG FOO => ERR unknown subcommand 'FOO'. Try CONFIG HELP.
        CONFIG => ERR wrong number of arguments for 'config' command
        CONFIG REWRITE => ERR The server is running without a config file
        CONFIG REWRITE x => ERR wrong number of arguments for 'config|rewrite' command
        CONFIG HELP => [+"CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        "#,
    );
}

#[test]
fn config_resetstat() {
    check(
        r#"
        PING => PONG; CONFIG RESETSTAT => OK
        INFO stats => /total_commands_processed:[0-9]\r\n/
        SET k v => OK; GET k => "v"; GET none => nil
        INFO stats => /keyspace_hits:1\r\n/
        INFO stats => /keyspace_misses:1\r\n/
        NOSUCH => error; INFO errorstats => /errorstat_ERR:count=1\r\n/
        INFO commandstats => /cmdstat_get:calls=2,usec=\d+,usec_per_call=\d+\.\d+,rejected_calls=0,failed_calls=0\r\n/
        CONFIG RESETSTAT => OK; INFO stats => /keyspace_hits:0\r\n/
        CONFIG RESETSTAT x => ERR wrong number of arguments for 'config|resetstat' command
        "#,
    );
}

#[test]
fn info_sections() {
    check_both(
        r#"
        INFO => txt/(?s)^# Server\r\nredis_version:7\.\d+\.\d+\r\n.*# Clients\r\n.*# Memory\r\n.*# Persistence\r\n.*# Stats\r\n.*# Replication\r\n.*# CPU\r\n.*# Modules\r\n.*# Errorstats\r\n.*# Cluster\r\ncluster_enabled:0\r\n.*# Keyspace\r\n/
        [ours] INFO server => txt/redis_version:7\.2\.4\r\n/
        INFO server => txt/(?s)^# Server\r\n.*redis_mode:standalone\r\n.*os:Linux .*process_id:\d+\r\n.*run_id:[0-9a-f]{40}\r\n.*tcp_port:\d+\r\n.*uptime_in_seconds:\d+\r\n/
        INFO clients => txt/(?s)^# Clients\r\nconnected_clients:\d+\r\n.*maxclients:\d+\r\n.*blocked_clients:0\r\n/
        INFO memory => txt/(?s)^# Memory\r\nused_memory:\d+\r\nused_memory_human:[0-9.]+[BKMG]\r\nused_memory_rss:\d+\r\n.*maxmemory:0\r\n.*maxmemory_policy:noeviction\r\n/
        INFO replication => txt/(?s)^# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\nmaster_replid:[0-9a-f]{40}\r\n/
        INFO persistence => txt/(?s)^# Persistence\r\nloading:0\r\n.*rdb_changes_since_last_save:\d+\r\n.*aof_enabled:0\r\n/
        INFO cpu => txt/^# CPU\r\nused_cpu_sys:\d+\.\d+\r\nused_cpu_user:\d+\.\d+\r\n/
        INFO nosuch => txt""
        INFO KEYSPACE => txt/^# Keyspace\r\n$/
        SET a 1 => OK; SET b 1 EX 100 => OK
        INFO keyspace => txt/^# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=\d+\r\n$/
        SELECT 3 => OK; SET c 1 => OK
        INFO keyspace => txt/^# Keyspace\r\ndb0:keys=2,.*\r\ndb3:keys=1,expires=0,avg_ttl=0\r\n$/
        INFO keyspace cluster => txt/(?s)^# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n/
        INFO all => txt/(?s)# Commandstats\r\n/
        INFO everything => txt/(?s)# Commandstats\r\n/
        INFO default => txt/(?s)^# Server\r\n/
        INFO commandstats => txt/(?s)^# Commandstats\r\n.*cmdstat_set:calls=\d+/
        INFO latencystats => txt/(?s)^# Latencystats\r\nlatency_percentiles_usec_/
        "#,
    );
}

#[test]
fn memory_subcommands() {
    check_both(
        r#"
        SET k v => OK; MEMORY USAGE k => 20..200; MEMORY USAGE none => nil; MEMORY USAGE k SAMPLES 0 => 20..200
        SET big {{x*100000}} => OK; MEMORY USAGE big => 100000..140000
        MEMORY USAGE k SAMPLES 5 => int
        MEMORY USAGE k SAMPLES -1 => ERR syntax error
        MEMORY USAGE k SAMPLES abc => ERR value is not an integer or out of range
        MEMORY USAGE k FOO => ERR syntax error
        MEMORY USAGE => ERR wrong number of arguments for 'memory|usage' command
        MEMORY DOCTOR => txt/./; MEMORY PURGE => OK
        MEMORY STATS => {"peak.allocated": int, "total.allocated": int, "startup.allocated": int, "keys.count": 2, "dataset.bytes": int, ...}
        MEMORY FOO => ERR unknown subcommand 'FOO'. Try MEMORY HELP.
        MEMORY HELP => [+"MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", +DOCTOR, ...]
        MEMORY => ERR wrong number of arguments for 'memory' command
        MEMORY STATS x => ERR wrong number of arguments for 'memory|stats' command
        "#,
    );
    check(r#"MEMORY MALLOC-STATS => bulk"#);
}

#[test]
fn slowlog() {
    check_both(
        r#"
        SLOWLOG RESET => OK; SLOWLOG LEN => 0; SLOWLOG GET => []
        CONFIG SET slowlog-log-slower-than 0 => OK
        CLIENT SETNAME me => OK; ECHO one => "one"
        CONFIG SET slowlog-log-slower-than -1 => OK
        SLOWLOG LEN => 3
        SLOWLOG GET 2 => [[int, int, int, ["ECHO", "one"], /^127\.0\.0\.1:\d+$/, "me"],
                          [int, int, int, ["CLIENT", "SETNAME", "me"], /^127\.0\.0\.1:\d+$/, "me"]]
        SLOWLOG GET 0 => []
        SLOWLOG GET -1 => [any, any, any]
        SLOWLOG GET => [any, any, any]
        SLOWLOG GET -2 => ERR count should be greater than or equal to -1
        SLOWLOG GET abc => ERR count should be greater than or equal to -1
        SLOWLOG RESET => OK; SLOWLOG LEN => 0
        SLOWLOG FOO => ERR unknown subcommand 'FOO'. Try SLOWLOG HELP.
        SLOWLOG HELP => [+"SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        SLOWLOG => ERR wrong number of arguments for 'slowlog' command
        SLOWLOG LEN x => ERR wrong number of arguments for 'slowlog|len' command
        "#,
    );
}

#[test]
fn slowlog_of_a_transaction_names_the_slow_command() {
    check(
        r#"
        CONFIG SET slowlog-log-slower-than 150000 => OK; SLOWLOG RESET => OK
        MULTI => OK; SET k v => QUEUED; DEBUG SLEEP 0.2 => QUEUED; GET k => QUEUED; EXEC => [OK, OK, "v"]
        SLOWLOG LEN => 1
        SLOWLOG GET => [[int, int, 150000.., ["DEBUG", "SLEEP", "0.2"], bulk, ""]]
        # All of them, whole, and not EXEC; wherever they ran.
        CONFIG SET slowlog-log-slower-than 0 => OK; SLOWLOG RESET => OK
        MULTI => OK; SET a 1 => QUEUED; MGET a b c d => QUEUED; CLIENT SETNAME me => QUEUED; DBSIZE => QUEUED
        EXEC => array(4); CONFIG SET slowlog-log-slower-than -1 => OK; CLIENT SETNAME "" => OK
        SLOWLOG LEN => 6
        MULTI => OK; CONFIG SET slowlog-log-slower-than 0 => QUEUED; SLOWLOG RESET => QUEUED
        RENAME a b => QUEUED; MGET a b c d => QUEUED; CONFIG SET slowlog-log-slower-than -1 => QUEUED; EXEC => array(5)
        "#,
    );
}

#[test]
fn slowlog_has_what_scripts_call() {
    // Ahead of the script, and without a client. What was refused did not run.
    check(
        r##"
        CLIENT SETNAME me => OK; SET a 1 => OK
        CONFIG SET slowlog-log-slower-than 0 => OK; SLOWLOG RESET => OK
        EVAL "redis.call('set', KEYS[1], '{{x*200}}') redis.pcall('set') return redis.pcall('lpush', KEYS[1], 'b')" 1 a => WRONGTYPE ...
        CONFIG SET slowlog-log-slower-than -1 => OK; CLIENT SETNAME "" => OK
        SLOWLOG GET 3 => [[int, int, int, ["EVAL", bulk, "1", "a"], /^127\.0\.0\.1:\d+$/, "me"],
                          [int, int, int, ["lpush", "a", "b"], "?:0", ""],
                          [int, int, int, ["set", "a", "{{x*128}}... (72 more bytes)"], "?:0", ""]]
        SLOWLOG LEN => 4
        FUNCTION FLUSH => OK
        FUNCTION LOAD "#!lua name=l\nredis.register_function('f', function(keys) return redis.call('get', keys[1]) end)" => "l"
        CONFIG SET slowlog-log-slower-than 0 => OK; SLOWLOG RESET => OK
        FCALL f 1 b => nil; FCALL f 1 c => nil; FCALL f 1 d => nil
        MULTI => OK; SET b 1 => QUEUED; EVAL "return redis.call('get', 'a') .. #redis.call('keys', '*')" 0 => QUEUED
        FCALL f 1 b => QUEUED; EXEC => array(3)
        CONFIG SET slowlog-log-slower-than -1 => OK
        SLOWLOG LEN => 14
        FUNCTION DELETE l => OK; SLOWLOG RESET => OK
        "##,
    );
    // One that starts anew, as it needs other shards' keys, has called nothing before.
    check(
        r#"
        SET a 1 => OK; CONFIG SET slowlog-log-slower-than 0 => OK; SLOWLOG RESET => OK
        EVAL "for _, key in ipairs({'a', 'b', 'c', 'd', 'e'}) do redis.call('get', key) end" 1 a => nil
        CONFIG SET slowlog-log-slower-than -1 => OK; SLOWLOG LEN => 7
        "#,
    );
}

#[test]
fn slowlog_has_the_arguments_of_a_command_over_several_shards() {
    check(
        r#"
        SET a 1 => OK; CONFIG SET slowlog-log-slower-than 0 => OK; SLOWLOG RESET => OK
        RENAME a {{x*200}} => OK
        SLOWLOG GET 1 => [[int, int, int, ["RENAME", "a", "{{x*128}}... (72 more bytes)"], bulk, ""]]
        MGET a b c d e f => array(6)
        SLOWLOG GET 1 => [[int, int, int, ["MGET", "a", "b", "c", "d", "e", "f"], bulk, ""]]
        MSETNX g 1 h 2 i 3 => 1
        SLOWLOG GET 1 => [[int, int, int, ["MSETNX", "g", "1", "h", "2", "i", "3"], bulk, ""]]
        CONFIG SET slowlog-log-slower-than -1 => OK
        "#,
    );
}

#[test]
fn commands_of_a_transaction_are_counted_once() {
    check(
        r#"
        SET k v => OK; CONFIG RESETSTAT => OK
        MULTI => OK; GET k => QUEUED; MGET a b c d => QUEUED; CLIENT GETNAME => QUEUED; DEBUG OBJECT k => QUEUED
        INFO server => QUEUED; INCR k => QUEUED; CLIENT SETNAME "a b" => QUEUED; DEL x y z => QUEUED; EXEC => array(8)
        DEBUG OBJECT k => simple
        INFO commandstats => /cmdstat_get:calls=1,/
        INFO commandstats => /cmdstat_mget:calls=1,/
        INFO commandstats => /cmdstat_del:calls=1,/
        INFO commandstats => /cmdstat_debug:calls=2,/
        INFO commandstats => /cmdstat_exec:calls=1,.*failed_calls=0/
        INFO commandstats => /cmdstat_multi:calls=1,/
        INFO commandstats => /cmdstat_client\|getname:calls=1,/
        INFO commandstats => /cmdstat_incr:calls=1,.*failed_calls=1/
        INFO commandstats => /cmdstat_client\|setname:calls=1,.*failed_calls=1/
        INFO errorstats => /errorstat_ERR:count=2\r\n/
        CONFIG RESETSTAT => OK
        MULTI => OK; RENAME k l => QUEUED; MGET a b c d => QUEUED; EXEC => array(2)
        INFO commandstats => /cmdstat_mget:calls=1,/
        INFO commandstats => /cmdstat_rename:calls=1,/
        "#,
    );
}

#[test]
fn slowlog_is_bounded_and_cuts_long_commands() {
    check(
        r#"
        SLOWLOG RESET => OK; CONFIG SET slowlog-max-len 3 => OK; CONFIG SET slowlog-log-slower-than 0 => OK
        PING => PONG; PING => PONG; PING => PONG; PING => PONG
        ECHO {{x*200}} => "{{x*200}}"
        DEL a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 a11 a12 a13 a14 a15 a16 a17 a18 a19 a20 a21 a22 a23 a24 a25 a26 a27 a28 a29 a30 a31 a32 a33 => 0
        CONFIG SET slowlog-log-slower-than -1 => OK
        SLOWLOG LEN => 3
        SLOWLOG GET 10 => [
            [any, any, any, ["DEL", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10", "a11", "a12", "a13", "a14", "a15", "a16", "a17", "a18", "a19", "a20", "a21", "a22", "a23", "a24", "a25", "a26", "a27", "a28", "a29", "a30", "... (3 more arguments)"], any, ""],
            [any, any, any, ["ECHO", "{{x*128}}... (72 more bytes)"], any, ""], any]
        "#,
    );
}

#[test]
fn latency_monitor() {
    check_both(
        r#"
        LATENCY RESET => 0..; LATENCY LATEST => []; LATENCY HISTORY command => []; LATENCY RESET command => 0
        LATENCY DOCTOR => txt/./
        LATENCY GRAPH command => ERR No samples available for event 'command'
        CONFIG SET latency-monitor-threshold 150 => OK
        DEBUG SLEEP 0.2 => OK
        LATENCY LATEST => [["command", int, 150..60000, 150..60000]]
        LATENCY HISTORY command => [[int, 150..60000]]
        LATENCY GRAPH command => txt/command - high \d+ ms, low \d+ ms [^\n]*\n-{80}\n \n \n \n_\n \n\d\ns\n$/
        LATENCY RESET command => 1; LATENCY LATEST => []
        LATENCY FOO => ERR unknown subcommand 'FOO'. Try LATENCY HELP.
        LATENCY HISTORY => ERR wrong number of arguments for 'latency|history' command
        LATENCY HELP => [+"LATENCY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", +DOCTOR, ...]
        LATENCY => ERR wrong number of arguments for 'latency' command
        "#,
    );
}

#[test]
fn latency_histogram() {
    check_both(
        r#"
        CONFIG RESETSTAT => OK; SET k v => OK; SET k v => OK; GET k => "v"
        LATENCY HISTOGRAM set => {"set": {"calls": 2, "histogram_usec": any}}
        LATENCY HISTOGRAM set get => {"set": any, "get": {"calls": 1, "histogram_usec": any}}
        LATENCY HISTOGRAM nosuch => {}; LATENCY HISTOGRAM strlen => {}
        "#,
    );
    check(
        r#"
        DEBUG SLEEP 0.01 => OK; DEBUG SLEEP 0.011 => OK; CONFIG RESETSTAT => OK
        DEBUG SLEEP 0.009 => OK; DEBUG SLEEP 0.01 => OK
        LATENCY HISTOGRAM debug => ["debug", ["calls", 2, "histogram_usec", [16908..1082130, 1..2, ...]]]
        "#,
    );
}

#[test]
fn command_docs_of_keys_name_their_specs() {
    check_both(
        r#"
        COMMAND DOCS rename => {"rename": {"summary": any, "since": any, "group": any, "complexity": any, "arguments": [
            {"name": "key", "type": "key", "key_spec_index": 0, ...}, {"name": "newkey", "type": "key", "key_spec_index": 1, ...}], ...}}
        "#,
    );
    on_every_server(|server| {
        let mut conn = server.conn();
        for (command, want) in [
            ("get", &[0][..]),
            ("mset", &[0]),
            ("lcs", &[0, 0]),
            ("rename", &[0, 1]),
            ("sort", &[0, 1, 1, 2]),
            ("sort_ro", &[0, 1, 1]),
            ("georadius", &[0, 1, 2]),
            ("migrate", &[0, 1]),
            ("xread", &[0]),
            ("eval", &[0]),
        ] {
            let docs = conn.call(&format!("COMMAND DOCS {command}"));
            assert_eq!(key_specs(&docs), want, "{command}");
        }
    });
}

/// All values of `key_spec_index` in an answer of COMMAND DOCS in RESP2.
fn key_specs(docs: &Value) -> Vec<i64> {
    let Value::Array(elements) = docs else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (at, element) in elements.iter().enumerate() {
        match elements.get(at + 1) {
            Some(Value::Int(index)) if matches!(element, Value::Bulk(name) if name == b"key_spec_index") =>
            {
                found.push(*index);
            }
            _ => found.extend(key_specs(element)),
        }
    }
    found
}

#[test]
fn client_list_tells_the_command_that_was_sent_last() {
    check_both(
        r#"
        CLIENT LIST ID 0 => txt/^$/
        CLIENT LIST ID -1 => txt/^$/
        CLIENT LIST ID x => ERR Invalid client ID
        CLIENT LIST => txt/ argv-mem=10 .* cmd=client.list /
        CLIENT INFO => txt/ argv-mem=10 .* cmd=client.info /
        "#,
    );
    on_every_server(|server| {
        let mut other = server.conn();
        let mut conn = server.conn();
        let id = conn.call("CLIENT ID").int();
        let mut shown = |command: &str| {
            conn.call(command);
            let line = other.call(&format!("CLIENT LIST ID {id}"));
            let line = line.text().to_owned();
            let word = line.split(' ').find_map(|word| word.strip_prefix("cmd="));
            word.expect("every line has it").to_owned()
        };
        assert_eq!(shown("MULTI"), "multi");
        assert_eq!(shown("SET a 1"), "set");
        assert_eq!(shown("OBJECT HELP"), "object|help");
        assert_eq!(shown("EXEC"), "exec");
        assert_eq!(shown("GET"), "get");
        assert_eq!(shown("NOSUCH"), "NULL");
        assert_eq!(shown("CLIENT NOSUCH"), "NULL");
    });
}

#[test]
fn time_and_lastsave() {
    check_both(
        r#"
        TIME => [/^\d{10}$/, /^\d{1,6}$/]
        TIME x => ERR wrong number of arguments for 'time' command
        LASTSAVE => 1600000000..4000000000
        LASTSAVE x => ERR wrong number of arguments for 'lastsave' command
        "#,
    );
}

#[test]
fn lolwut() {
    check_both(
        r#"
        LOLWUT => txt/Redis ver\. 7\./; LOLWUT VERSION 5 => txt/Redis ver\. 7\./; LOLWUT VERSION 6 => txt/Redis ver\. 7\./
        LOLWUT VERSION 5 30 4 4 => txt/Redis ver/
        LOLWUT VERSION abc => ERR value is not an integer or out of range
        LOLWUT VERSION => txt/Redis ver/; LOLWUT abc => txt/Redis ver/; LOLWUT 5 4 abc => txt/Redis ver/; LOLWUT VERSION 7 abc => txt/Redis ver/
        LOLWUT VERSION 5 abc => ERR value is not an integer or out of range
        LOLWUT VERSION 6 5 abc => ERR value is not an integer or out of range
        "#,
    );
}

#[test]
fn debug_subcommands() {
    check_both(
        r#"
        DEBUG SLEEP 0 => OK; DEBUG SLEEP 0.01 => OK
        SET k v => OK; DEBUG OBJECT k => simple; DEBUG OBJECT none => ERR no such key
        SET k 55 => OK; DEBUG OBJECT k => /refcount:2147483647 encoding:int /; SET k x => OK; DEBUG OBJECT k => /refcount:1 /
        CONFIG SET list-max-listpack-size 2 => OK; RPUSH list a b c d e => 5
        DEBUG OBJECT list => /encoding:quicklist .* ql_nodes:3 ql_avg_node:1\.67 ql_listpack_max:2 ql_compressed:0 ql_uncompressed_size:\d+$/
        CONFIG SET list-max-listpack-size -2 => OK
        DEBUG SET-ACTIVE-EXPIRE 1 => OK
        DEBUG STRUCTSIZE => /^bits:64 robj:16 dictentry:24 sdshdr5:1 .* sdshdr64:17 $/
        CONFIG SET maxmemory-clients 0 => OK; DEBUG CLIENT-EVICTION => ERR maxmemory-clients is disabled.
        CONFIG SET maxmemory-clients 100mb => OK
        DEBUG CLIENT-EVICTION => txt/^bucket          0 -      32767: tot-mem: +\d+, clients: \d/
        DEBUG CLIENT-EVICTION => txt/\nbucket 4294967296\+            : tot-mem:          0, clients: 0\n/
        CONFIG SET maxmemory-clients 0 => OK
        DEBUG MALLCTL no.such.thing => ERR No such file or directory; DEBUG MALLCTL-STR no.such.thing => ERR No such file or directory
        DEBUG QUICKLIST-PACKED-THRESHOLD 100b => OK; DEBUG QUICKLIST-PACKED-THRESHOLD 0 => OK
        DEBUG QUICKLIST-PACKED-THRESHOLD x => ERR argument must be a memory value bigger than 1 and smaller than 4gb
        DEBUG QUICKLIST-PACKED-THRESHOLD 4gb => ERR argument must be a memory value bigger than 1 and smaller than 4gb
        DEBUG JMAP => error
        DEBUG FOO => ERR unknown subcommand or wrong number of arguments for 'FOO'. Try DEBUG HELP.
        DEBUG => ERR wrong number of arguments for 'debug' command
        DEBUG HELP => [+"DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        CONFIG RESETSTAT => OK
        DEBUG ERROR "CODE some text" => -"CODE some text"
        INFO errorstats => txt/^. Errorstats\r\n$/
        INFO commandstats => txt/cmdstat_debug:calls=1,.*,rejected_calls=0,failed_calls=0/
        "#,
    );
}

#[test]
fn debug_populate_and_digest() {
    check(
        r#"
        DEBUG POPULATE 100 => OK; DBSIZE => 100; GET key:7 => "value:7"
        DEBUG POPULATE 10 p 20 => OK; GET p:3 => "value:3\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        DBSIZE => 110; FLUSHALL => OK
        DEBUG DIGEST => +0000000000000000000000000000000000000000
        MSET a 1 b 2 => OK; DEBUG DIGEST => @d:simple; DEL a => 1; DEBUG DIGEST => simple
        SET a 1 => OK; DEBUG DIGEST => +{{$d}}
        "#,
    );
}

/// What redis-server 7.0.15 makes of the same; of a score like 0.1 it prints more digits than 7.2.
#[test]
fn digests_are_those_of_redis() {
    check(
        r#"
        SET s x => OK; SET n 12 => OK; RPUSH l a b 3 => 3; HSET h a b c 4 => 2; SADD ss a b 1 => 3; SADD ints 1 2 3 => 3
        ZADD z 1 a 2.5 b inf c -inf d -0.25 e => 5; XADD x 1-1 a b c 4 => "1-1"; XADD x 2-5 d e => "2-5"
        SET e x PXAT 9999999999999 => OK
        DEBUG DIGEST-VALUE s n l none => [+e1c099d36d86ec50b7f83540e7e59065055be33d, +655ac46b180ad2f61a3cee25f0b1780fa2ec879a, +09eb1fc9381ee92790d59930ab462945f8cd948b, +0000000000000000000000000000000000000000]
        DEBUG DIGEST-VALUE h ss ints => [+75482ee2853b87091827cc605f3a7c746fd060eb, +e8f32bbb1ad9bf537c8867de4f19fec9e001296d, +2a462a3f51a1db89738ebbeef0c47ce1bbc85246]
        DEBUG DIGEST-VALUE z x e => [+8680c06180aa77c78e9cd856331c36aaafcde511, +21fccb02c189272b793b58f2d3c243837588ee94, +0745672cb1bf060476eedeb8a28f5ffe1ff5a2be]
        DEBUG DIGEST => +149bb973b17d40547d27d490f3c6c95126f445f5
        SELECT 7 => OK; RPUSH s x => 1; DEBUG DIGEST => +2f58a035aea1d27525c15e85fddfc9cf6464298f
        "#,
    );
}

#[test]
fn debug_protocol_types() {
    check(
        r#"
        DEBUG PROTOCOL string => "Hello World"; DEBUG PROTOCOL integer => 12345; DEBUG PROTOCOL double => "3.141"
        DEBUG PROTOCOL null => nil; DEBUG PROTOCOL array => [0, 1, 2]; DEBUG PROTOCOL set => [0, 1, 2]
        DEBUG PROTOCOL map => [0, 0, 1, 1, 2, 0]; DEBUG PROTOCOL true => 1; DEBUG PROTOCOL false => 0
        DEBUG PROTOCOL bignum => "1234567999999999999999999999999999999"
        DEBUG PROTOCOL verbatim => "This is a verbatim\nstring"
        DEBUG PROTOCOL attrib => "Some real reply following the attribute"
        "#,
    );
    check_resp3(
        r#"
        DEBUG PROTOCOL string => "Hello World"; DEBUG PROTOCOL integer => 12345; DEBUG PROTOCOL double => double(3.141)
        DEBUG PROTOCOL null => nil; DEBUG PROTOCOL array => [0, 1, 2]; DEBUG PROTOCOL set => set[0, 1, 2]
        DEBUG PROTOCOL map => {0: #f, 1: #t, 2: #f}; DEBUG PROTOCOL true => #t; DEBUG PROTOCOL false => #f
        DEBUG PROTOCOL bignum => big(1234567999999999999999999999999999999)
        DEBUG PROTOCOL verbatim => txt"This is a verbatim\nstring"
        [7.2] DEBUG PROTOCOL push => "Some real reply following the push reply"
        [7.2] read => push["server-cpu-usage", 42]
        "#,
    );
}

#[test]
fn debug_is_refused_unless_enabled() {
    each_variant(|variant| {
        let server = variant.own_server(&[("enable-debug-command", "no")]);
        let reply = server.conn().call("DEBUG SLEEP 0").text();
        assert!(
            reply.starts_with("ERR DEBUG command not allowed."),
            "{reply}"
        );
    });
}

#[test]
fn monitor_shows_what_others_run() {
    check(
        r#"
        c2: MONITOR => OK
        SET k "a\r\n\"b\x00" => OK
        c2: read => /^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "k" "a\\r\\n\\"b\\x00"$/
        SELECT 3 => OK
        c2: read => /^\d+\.\d{6} \[[03] 127\.0\.0\.1:\d+\] "SELECT" "3"$/
        get k => nil
        c2: read => /^\d+\.\d{6} \[3 127\.0\.0\.1:\d+\] "get" "k"$/
        # A barrier: the lines are here before RESET is sent.
        c3: close
        c2: RESET => RESET; PING => PONG; c2: PING => PONG
        "#,
    );
}

/// To Redis it is a replica.
#[test]
fn who_monitors_cannot_touch_keys() {
    check(
        r#"
        SET k v => OK
        c2: MONITOR => OK
        c2: GET k => ERR Replica can't interact with the keyspace
        c2: SET k w => ERR Replica can't interact with the keyspace
        c2: PUBLISH c m => ERR Replica can't interact with the keyspace
        c2: EVAL "return 1" 0 => ERR Replica can't interact with the keyspace
        c2: DBSIZE => ERR Replica can't interact with the keyspace
        c2: RESET => RESET; c2: GET k => "v"
        "#,
    );
}

#[test]
fn monitor_hides_secrets() {
    check(
        r#"
        c2: MONITOR => OK
        AUTH default secret => OK
        PING => PONG
        c2: read => /\] "AUTH" "\(redacted\)" "\(redacted\)"$/; c2: read => /\] "PING"$/
        "#,
    );
}

/// A script comes before what it calls, wherever it runs; what follows it in the pipeline comes behind.
#[test]
fn monitor_shows_what_scripts_call() {
    check(
        r##"
        c2: MONITOR => OK
        EVAL "redis.call('set', KEYS[1], ARGV[1]) redis.pcall('nosuch') redis.pcall('get') return redis.call('get', KEYS[1])" 1 a 1 => "1"
        c2: read => /\] "EVAL" "redis.*" "1" "a" "1"$/
        c2: read => /^\d+\.\d{6} \[0 lua\] "set" "a" "1"$/; c2: read => /\[0 lua\] "get" "a"$/
        SET b 2 => OK; c2: read => /"SET" "b" "2"$/
        EVAL "for i = 1, 2 do redis.call('incrby', KEYS[1], ARGV[1]) end return redis.call('publish', 'c', 'x')" 1 b 3 => 0
        c2: read => /"EVAL"/; c2: read => /lua\] "incrby" "b" "3"$/; c2: read => /lua\] "incrby" "b" "3"$/; c2: read => /lua\] "publish" "c" "x"$/
        SET c 3 => OK; c2: read => /"SET" "c" "3"$/
        EVAL "return #redis.call('mget', KEYS[1], KEYS[2], KEYS[3])" 3 a b c => 3
        c2: read => /"EVAL"/; c2: read => /lua\] "mget" "a" "b" "c"$/
        EVAL "return redis.call('get', 'd')" 0 => nil
        c2: read => /"EVAL"/; c2: read => /lua\] "get" "d"$/
        FUNCTION LOAD REPLACE "#!lua name=shown\nredis.register_function('f', function(keys) redis.call('select', 2) return redis.call('exists', keys[1]) end)" => "shown"
        c2: read => /"FUNCTION" "LOAD"/
        FCALL f 1 d => 0
        c2: read => /\[0 127\..*"FCALL" "f" "1" "d"$/; c2: read => /\[[02] lua\] "select" "2"$/; c2: read => /\[2 lua\] "exists" "d"$/
        EVAL "return redis.pcall('auth', 'x')" 0 => ERR This Redis command is not allowed from script
        c2: read => /"EVAL"/
        EVALSHA ffffffffffffffffffffffffffffffffffffffff 0 => NOSCRIPT No matching script. Please use EVAL.
        PING => PONG
        c2: read => /"EVALSHA"/; c2: read => /"PING"/
        "##,
    );
}

#[test]
fn monitor_shows_transactions_as_they_run() {
    check(
        r##"
        WATCH w => OK
        c2: MONITOR => OK
        MULTI => OK; SET a 1 => QUEUED; EVAL "return redis.call('get', KEYS[1])" 1 b => QUEUED
        GET c => QUEUED; EVAL "redis.call('set', KEYS[1], 4) return redis.call('get', KEYS[1])" 1 d => QUEUED; PING => QUEUED
        EXEC => [OK, nil, nil, "4", PONG]
        GET after => nil
        c2: read => /"MULTI"$/
        c2: read => /\[0 127.*"SET" "a" "1"$/
        c2: read => /"EVAL" .*"b"$/; c2: read => /lua\] "get" "b"$/
        c2: read => /"GET" "c"$/
        c2: read => /"EVAL" .*"d"$/; c2: read => /lua\] "set" "d" "4"$/; c2: read => /lua\] "get" "d"$/
        c2: read => /"PING"$/
        c2: read => /"EXEC"$/
        c2: read => /"GET" "after"$/
        WATCH a => OK; c2: read => /"WATCH" "a"$/
        c3: SET a 5 => OK; c2: read => /"SET" "a" "5"$/
        MULTI => OK; SET a 6 => QUEUED; EXEC => nil-array; PING => PONG
        c2: read => /"MULTI"$/; c2: read => /"EXEC"$/; c2: read => /"PING"$/
        "##,
    );
}

#[test]
fn modules_there_are_none() {
    check_both(
        r#"
        MODULE LIST => []
        MODULE HELP => [+"MODULE <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        MODULE FOO => ERR unknown subcommand 'FOO'. Try MODULE HELP.
        MODULE => ERR wrong number of arguments for 'module' command
        "#,
    );
}

#[test]
fn role_of_a_master() {
    check_both(
        r#"
        ROLE => ["master", 0.., []]
        ROLE x => ERR wrong number of arguments for 'role' command
        "#,
    );
}

#[test]
fn info_counts_connections_and_commands() {
    on_every_server(|server| {
        let mut conn = server.conn();
        // Whoever emptied the server for us may not be counted out yet.
        let before = 1;
        crate::support::clock::wait_until("only us to be connected", || {
            (info_number(&mut conn, "connected_clients") == before).then_some(())
        });
        let others: Vec<_> = (0..10)
            .map(|_| {
                let mut other = server.conn();
                assert_eq!(other.call("PING"), Value::Simple(b"PONG".to_vec()));
                other
            })
            .collect();
        assert_eq!(info_number(&mut conn, "connected_clients"), before + 10);
        drop(others);
        crate::support::clock::wait_until("closed connections to be counted out", || {
            (info_number(&mut conn, "connected_clients") == before).then_some(())
        });
        let before = info_number(&mut conn, "total_commands_processed");
        for _ in 0..50 {
            conn.call("PING");
        }
        let after = info_number(&mut conn, "total_commands_processed");
        assert!(
            (before + 50..before + 60).contains(&after),
            "{before} then {after}"
        );
        let script = b"for i = 1, 50 do redis.call('PING') end";
        conn.call_words(&[b"EVAL", script, b"0"]);
        let with_script = info_number(&mut conn, "total_commands_processed");
        assert!(
            (after + 50..after + 60).contains(&with_script),
            "{after} then {with_script}"
        );
    });
}

#[test]
fn saving() {
    check(
        r#"
        SET k v => OK
        eventually SAVE => OK
        LASTSAVE => 1..
        BGSAVE FOO => ERR syntax error
        BGSAVE SCHEDULE FOO => ERR syntax error
        SAVE now => ERR wrong number of arguments for 'save' command
        eventually BGSAVE => +"Background saving started"
        BGREWRITEAOF FOO => ERR wrong number of arguments for 'bgrewriteaof' command
        eventually BGREWRITEAOF => +"Background append only file rewriting started"
        "#,
    );
}

#[test]
fn info_tells_how_long_values_are() {
    check(
        r##"
        [ours] SET a 0123456789ABCDEF => OK; [ours] SET n 12345 => OK; [ours] SET e "" => OK; [ours] APPEND b {{x*3000}} => 3000
        [ours] INFO keysizes => "# Keysizes\r\ndb0_distrib_strings_sizes:0=1,4=1,16=1,2K=1\r\n"
        [ours] RPUSH l 1 2 3 4 5 => 5; [ours] SADD s 1 => 1; [ours] ZADD z 1 a 2 b => 2; [ours] HSET h a 1 b 2 c 3 => 3
        [ours] XADD x * a 1 => bulk; [ours] MOVE s 1 => 1
        [ours] INFO keysizes => "# Keysizes\r\ndb0_distrib_strings_sizes:0=1,4=1,16=1,2K=1\r\ndb0_distrib_lists_items:4=1\r\ndb0_distrib_zsets_items:2=1\r\ndb0_distrib_hashes_items:2=1\r\ndb1_distrib_sets_items:1=1\r\n"
        [ours] RPOP l => "5"; [ours] RPOP l => "4"; [ours] DEL z h => 2; [ours] SET a l => OK; [ours] INCR n => 12346; [ours] RENAME b l => OK
        [ours] SELECT 1 => OK; [ours] FLUSHDB => OK; [ours] SELECT 0 => OK
        [ours] INFO KEYSIZES => "# Keysizes\r\ndb0_distrib_strings_sizes:0=1,1=1,4=1,2K=1\r\n"
        [ours] FLUSHALL => OK; [ours] INFO keysizes => "# Keysizes\r\n"
        "##,
    );
}

#[test]
fn large_commands_and_replies_are_logged() {
    check(
        r#"
        [ours] CONFIG SET commandlog-request-larger-than 1024 commandlog-reply-larger-than 1024 => OK
        [ours] CLIENT SETNAME big => OK; [ours] PING => PONG
        [ours] COMMANDLOG LEN large-request => 0; [ours] COMMANDLOG LEN LARGE-REPLY => 0
        [ours] SET k {{x*1024}} => OK; [ours] COMMANDLOG LEN large-request => 1
        [ours] COMMANDLOG GET -1 large-request => [[int, int, 1025.., ["SET", "k", /^x{128}... \(896 more bytes\)$/], bulk, "big"]]
        [ours] GET k => bulk(1024); [ours] COMMANDLOG GET 5 large-reply => [[int, int, 1025.., ["GET", "k"], bulk, "big"]]
        [ours] SET small 1 => OK; [ours] GET small => "1"; [ours] COMMANDLOG LEN large-reply => 1
        [ours] MSET a {{x*700}} b {{y*700}} c 1 => OK; [ours] COMMANDLOG LEN large-request => 2
        [ours] MGET a b c => [bulk(700), bulk(700), "1"]; [ours] GET small => "1"; [ours] COMMANDLOG LEN large-reply => 2
        [ours] COMMANDLOG GET 1 large-reply => [[int, int, 1400.., ["MGET", "a", "b", "c"], bulk, "big"]]
        [ours] COMMANDLOG GET 0 large-reply => []; [ours] COMMANDLOG RESET large-reply => OK; [ours] COMMANDLOG LEN large-reply => 0
        [ours] COMMANDLOG LEN large-request => 2; [ours] COMMANDLOG LEN slow => 0..; [ours] COMMANDLOG GET 1 slow => array
        [ours] COMMANDLOG LEN fast => ERR type should be one of the following: slow, large-request, large-reply
        [ours] COMMANDLOG GET -2 slow => ERR count should be greater than or equal to -1
        [ours] COMMANDLOG GET 1 => ERR wrong number of arguments for 'commandlog|get' command
        [ours] CONFIG SET commandlog-large-request-max-len 0 => OK; [ours] COMMANDLOG LEN large-request => 0
        [ours] COMMANDLOG HELP => array; [ours] COMMANDLOG RESET large-request => OK; [ours] COMMANDLOG RESET slow => OK
        "#,
    );
}

#[test]
fn hot_keys_are_found() {
    check_both(
        r#"
        [ours] HOTKEYS GET => nil; [ours] HOTKEYS STOP => nil; [ours] HOTKEYS RESET => OK
        [ours] HOTKEYS START => ERR METRICS parameter is required
        [ours] HOTKEYS START METRICS 0 => ERR METRICS count must be positive
        [ours] HOTKEYS START METRICS 2 CPU => ERR METRICS count does not match number of metric types provided
        [ours] HOTKEYS START METRICS 1 CPU NET => ERR syntax error
        [ours] HOTKEYS START METRICS 1 GPU => ERR METRICS no valid metrics passed. Supported: CPU|NET
        [ours] HOTKEYS START METRICS 2 CPU CPU => ERR METRICS CPU defined more than once!
        [ours] HOTKEYS START METRICS 2 NET NET => ERR METRICS NET defined more than once!
        [ours] HOTKEYS START METRICS 1 CPU COUNT 65 => ERR COUNT must be between 1 and 64
        [ours] HOTKEYS START METRICS 1 CPU DURATION 0 => ERR DURATION must be between 1 and 1000000
        [ours] HOTKEYS START METRICS 1 CPU SAMPLE 0 => ERR SAMPLE ratio must be positive
        [ours] HOTKEYS START METRICS 1 CPU SLOTS 1 0 => ERR SLOTS parameter cannot be used in non-cluster mode
        [ours] HOTKEYS START METRICS 2 GPU CPU SAMPLE 1 => OK
        [ours] HOTKEYS START METRICS 1 NET => ERR hotkey tracking session already in progress
        [ours] HOTKEYS RESET => ERR hotkey tracking session in progress, stop tracking first
        [ours] SET k v => OK; [ours] HOTKEYS STOP => OK
        [ours] HOTKEYS GET => ["tracking-active", 0, "sample-ratio", 1, "selected-slots", [], "all-commands-all-slots-us", int, "net-bytes-all-commands-all-slots", 1.., "collection-start-time-unix-ms", int, "collection-duration-ms", int, "total-cpu-time-user-ms", int, "total-cpu-time-sys-ms", int, "by-cpu-time-us", ["k", int]]
        [ours] HOTKEYS RESET => OK; [ours] HOTKEYS GET => nil
        [ours] HOTKEYS START METRICS 1 NET COUNT 2 => OK; [ours] SET a {{x*1000}} => OK; [ours] SET b {{x*100}} => OK; [ours] MSET c 1 d 2 => OK
        [ours] EVAL "return redis.call('get', KEYS[1])" 1 a => bulk; [ours] HOTKEYS STOP => OK
        [ours] HOTKEYS GET => ["tracking-active", 0, "sample-ratio", 1, "selected-slots", [], any, int, any, int, any, int, any, int, "total-net-bytes", 2000.., "by-net-bytes", ["a", 2000.., "b", 100..200]]
        [ours] HOTKEYS HELP => array; [ours] HOTKEYS RESET => OK
        "#,
    );
}
