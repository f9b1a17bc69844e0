//! ACL: users, their rules, what they are refused. AUTH and HELLO are in `connection.rs`.

use crate::support::variants::variants;
use crate::support::{check, check_both};

#[test]
fn users_are_listed_with_their_rules() {
    check(
        r#"
        ACL WHOAMI => "default"
        [7.2] ACL LIST => ["user default on nopass sanitize-payload ~* &* +@all"]
        ACL USERS => ["default"]
        ACL SETUSER bob => OK
        ACL SETUSER alice on >secret ~a:* %R~r:* %W~w:* &news +@read -get +config|get => OK
        [7.2] ACL LIST => [
            "user alice on sanitize-payload #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b ~a:* %R~r:* %W~w:* resetchannels &news -@all +@read -get +config|get",
            "user bob off sanitize-payload resetchannels -@all",
            "user default on nopass sanitize-payload ~* &* +@all"]
        ACL USERS => ["alice", "bob", "default"]
        ACL SETUSER alice reset => OK
        ACL SETUSER bob +@all allkeys allchannels nopass skip-sanitize-payload => OK
        [7.2] ACL LIST => [
            "user alice off sanitize-payload resetchannels -@all",
            "user bob off nopass skip-sanitize-payload ~* &* +@all",
            "user default on nopass sanitize-payload ~* &* +@all"]
        ACL DELUSER alice bob carol => 2
        ACL DELUSER alice => 0
        ACL DELUSER alice default => ERR The 'default' user cannot be removed
        ACL USERS => ["default"]
        "#,
    );
}

#[test]
fn getuser_shows_everything() {
    check_both(
        r#"
        [7.2] ACL GETUSER default => {"flags": set["on", "nopass", "sanitize-payload"], "passwords": [],
            "commands": "+@all", "keys": "~*", "channels": "&*", "selectors": []}
        ACL GETUSER nobody => nil
        ACL SETUSER alice on >a #3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d ~x %R~y &c +get (%W~z +set) (&d) => OK
        [7.2] ACL GETUSER alice => {"flags": set["on", "sanitize-payload"],
            "passwords": ["ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
                "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"],
            "commands": "-@all +get", "keys": "~x %R~y", "channels": "&c",
            "selectors": [{"commands": "-@all +set", "keys": "%W~z", "channels": ""},
                {"commands": "-@all", "keys": "", "channels": "&d"}]}
        ACL SETUSER alice <a clearselectors off => OK
        [7.2] ACL GETUSER alice => {"flags": set["off", "sanitize-payload"],
            "passwords": ["3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"],
            "commands": "-@all +get", "keys": "~x %R~y", "channels": "&c", "selectors": []}
        ACL DELUSER alice => 1
        "#,
    );
}

#[test]
fn rules_that_cannot_be_applied() {
    check(
        r#"
        ACL SETUSER "a b" on => ERR Usernames can't contain spaces or null characters
        ACL SETUSER "a\0b" => ERR Usernames can't contain spaces or null characters
        ACL SETUSER => ERR wrong number of arguments for 'acl|setuser' command
        ACL SETUSER bob on what => ERR Error in ACL SETUSER modifier 'what': Syntax error
        ACL GETUSER bob => nil
        ACL SETUSER bob +nope => ERR Error in ACL SETUSER modifier '+nope': Unknown command or category name in ACL
        ACL SETUSER bob -@nope => ERR Error in ACL SETUSER modifier '-@nope': Unknown command or category name in ACL
        ACL SETUSER bob +config|nope => ERR Error in ACL SETUSER modifier '+config|nope': Unknown command or category name in ACL
        ACL SETUSER bob +config|get|x => ERR Error in ACL SETUSER modifier '+config|get|x': Allowing first-arg of a subcommand is not supported
        ACL SETUSER bob +select| => ERR Error in ACL SETUSER modifier '+select|': Syntax error
        ACL SETUSER bob -select|0 => ERR Error in ACL SETUSER modifier '-select|0': Unknown command or category name in ACL
        ACL SETUSER bob ~* ~a => ERR Error in ACL SETUSER modifier '~a': Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns
        ACL SETUSER bob &* &a => ERR Error in ACL SETUSER modifier '&a': Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels
        ACL SETUSER bob %~a => ERR Error in ACL SETUSER modifier '%~a': Syntax error
        ACL SETUSER bob %RX~a => ERR Error in ACL SETUSER modifier '%RX~a': Syntax error
        ACL SETUSER bob "~a b" => ERR Error in ACL SETUSER modifier '~a b': Syntax error
        ACL SETUSER bob <a => ERR Error in ACL SETUSER modifier '<a': The password you are trying to remove from the user does not exist
        ACL SETUSER bob #12 => ERR Error in ACL SETUSER modifier '#12': The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters
        ACL SETUSER bob !12 => ERR Error in ACL SETUSER modifier '!12': The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters
        ACL SETUSER bob on (+get ~a => ERR Unmatched parenthesis in acl selector starting at '(+get'.
        ACL SETUSER bob (+get (~a) => ERR Error in ACL SETUSER modifier '(+get (~a)': Syntax error
        ACL SETUSER bob () ) => ERR Error in ACL SETUSER modifier ')': Syntax error
        ACL USERS => ["default"]
        "#,
    );
}

#[test]
fn command_rules_replace_each_other() {
    check(
        r#"
        ACL SETUSER bob +@read +get -@READ => OK
        [7.2] ACL GETUSER bob => ["flags", any, "passwords", any, "commands", "-@all +get -@read", ...]
        ACL SETUSER bob -@all +config|get +config|set +config => OK
        [7.2] ACL GETUSER bob => ["flags", any, "passwords", any, "commands", "-@all +config", ...]
        ACL SETUSER bob -@all +select|0 +SELECT|1 => OK
        ACL GETUSER bob => ["flags", any, "passwords", any, "commands", /^-@all \+select\|0 \+select\|1$/, ...]
        ACL SETUSER bob +@all -debug +debug|object => OK
        [7.2] ACL GETUSER bob => ["flags", any, "passwords", any, "commands", "+@all -debug +debug|object", ...]
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn commands_are_refused() {
    check(
        r#"
        ACL SETUSER bob on nopass ~* +get +select|1 +config|get => OK
        c2: AUTH bob "" => OK
        [7.2] c2: SET k v => NOPERM User bob has no permissions to run the 'set' command
        c2: GET k => nil
        c2: SELECT 1 => OK
        [7.2] c2: SELECT 2 => NOPERM User bob has no permissions to run the 'select' command
        c2: CONFIG GET nope => []
        [7.2] c2: CONFIG SET x y => NOPERM User bob has no permissions to run the 'config|set' command
        [7.2] c2: ACL WHOAMI => NOPERM User bob has no permissions to run the 'acl|whoami' command
        c2: GET => ERR wrong number of arguments for 'get' command
        c2: NOPE => ERR unknown command ...
        ACL SETUSER bob +@all -@dangerous +acl => OK
        c2: ACL WHOAMI => "bob"; c2: SET k v => OK
        [7.2] c2: FLUSHALL => NOPERM User bob has no permissions to run the 'flushall' command
        c2: RESET => RESET; c2: ACL WHOAMI => "default"
        c2: AUTH bob "" => OK
        c2: AUTH default "" => OK; c2: FLUSHALL => OK
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn keys_are_refused_by_how_they_are_used() {
    check(
        r#"
        ACL SETUSER bob on nopass +@all %R~r* %W~w* ~b* => OK
        c2: AUTH bob x => OK
        [7.2] c2: GET k => NOPERM No permissions to access a key
        [7.2] c2: GET w => NOPERM No permissions to access a key
        [7.2] c2: SET r 1 => NOPERM No permissions to access a key
        c2: GET r => nil; c2: SET w 1 => OK
        [7.2] c2: SET w 1 GET => NOPERM No permissions to access a key
        c2: SET b 1 GET => nil
        c2: COPY r w => 0
        [7.2] c2: COPY w r => NOPERM No permissions to access a key
        c2: MGET r1 r2 b => [nil, nil, "1"]
        [7.2] c2: MGET r1 w1 => NOPERM No permissions to access a key
        [7.2] c2: MSET w1 1 r2 2 => NOPERM No permissions to access a key
        c2: EXISTS r w b => 2
        [7.2] c2: EXISTS r k => NOPERM No permissions to access a key
        c2: BITFIELD r GET u8 0 => [0]
        [7.2] c2: BITFIELD r SET u8 0 1 => NOPERM No permissions to access a key
        c2: DBSIZE => 2
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn selectors_stand_each_for_itself() {
    check(
        r#"
        ACL SETUSER bob on nopass +ping (+get ~r*) (+set ~w*) ( +mget ~a ) => OK
        c2: AUTH bob x => OK
        c2: PING => PONG; c2: GET r => nil; c2: SET w 1 => OK; c2: MGET a => [nil]
        [7.2] c2: GET w => NOPERM No permissions to access a key
        [7.2] c2: DEL w => NOPERM User bob has no permissions to run the 'del' command
        [7.2] c2: MGET a w => NOPERM No permissions to access a key
        ACL SETUSER bob clearselectors => OK
        [7.2] c2: GET r => NOPERM User bob has no permissions to run the 'get' command
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn channels_are_refused() {
    check(
        r#"
        ACL SETUSER bob on nopass +@all ~* &a &b* => OK
        c2: AUTH bob x => OK
        c2: PUBLISH a x => 0; c2: PUBLISH bb x => 0; c2: SPUBLISH a x => 0
        [7.2] c2: PUBLISH c x => NOPERM No permissions to access a channel
        [7.2] c2: SPUBLISH c x => NOPERM No permissions to access a channel
        [7.2] c2: SUBSCRIBE a c => NOPERM No permissions to access a channel
        [7.2] c2: PSUBSCRIBE bb => NOPERM No permissions to access a channel
        [7.2] c2: SSUBSCRIBE c => NOPERM No permissions to access a channel
        c2: PSUBSCRIBE b* => ["psubscribe", "b*", 1]
        c2: SUBSCRIBE bb => ["subscribe", "bb", 2]
        c2: UNSUBSCRIBE c => ["unsubscribe", "c", 2]
        ACL SETUSER bob &more => OK
        c2: PING => ["pong", ""]
        ACL SETUSER bob resetchannels &b* => OK
        c2: PING => ["pong", ""]
        ACL SETUSER bob resetchannels &a => OK
        c2: read => closed
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn clients_lose_their_user() {
    check(
        r#"
        ACL SETUSER bob on nopass +@all => OK
        c2: AUTH bob x => OK; c3: AUTH bob x => OK
        c2: ACL DELUSER bob => 1; c2: read => closed
        c3: read => closed
        ACL SETUSER bob on nopass +@all => OK
        c4: AUTH bob x => OK
        ACL SETUSER bob off => OK
        c4: ACL WHOAMI => "bob"
        c5: AUTH bob x => WRONGPASS invalid username-password pair or user is disabled.
        ACL DELUSER bob => 1
        c4: read => closed
        "#,
    );
}

#[test]
fn the_default_user_can_be_closed() {
    check(
        r#"
        ACL SETUSER default off => OK
        c2: GET k => NOAUTH Authentication required.
        GET k => nil
        ACL SETUSER default on >p => OK
        c3: GET k => NOAUTH Authentication required.
        c3: AUTH p => OK; c3: GET k => nil
        c3: AUTH x => WRONGPASS invalid username-password pair or user is disabled.
        ACL SETUSER default nopass => OK
        c2: GET k => nil
        c2: AUTH p => ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?
        CONFIG SET requirepass secret => OK
        [7.2] ACL LIST => [/^user default on sanitize-payload #2bb80d.* ~\* &\* \+@all$/]
        c4: GET k => NOAUTH Authentication required.
        c4: AUTH secret => OK
        CONFIG SET requirepass "" => OK
        [7.2] ACL LIST => ["user default on nopass sanitize-payload ~* &* +@all"]
        "#,
    );
}

#[test]
fn transactions_are_checked_twice() {
    check(
        r#"
        ACL SETUSER bob on nopass ~* &* +@all -get => OK
        c2: AUTH bob x => OK
        c2: MULTI => OK
        [7.2] c2: GET k => NOPERM User bob has no permissions to run the 'get' command
        [7.2] c2: EXEC => EXECABORT Transaction discarded because of previous errors.
        c3: AUTH bob x => OK
        c3: MULTI => OK; c3: SET k v => QUEUED; c3: SET x v => QUEUED; c3: PUBLISH c m => QUEUED; c3: STRLEN k => QUEUED
        ACL SETUSER bob -strlen resetkeys ~k resetchannels => OK
        c3: EXEC => [OK,
            -"NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: no permission to touch the specified keys",
            -"NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: no permission to access one of the channels used as arguments",
            -"NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: no permission to execute the command or subcommand"]
        GET k => "v"
        MULTI => OK; ACL SETUSER bob +strlen => QUEUED; ACL DELUSER nobody => QUEUED; ACL SETUSER bob what => QUEUED
        EXEC => [OK, 0, -"ERR Error in ACL SETUSER modifier 'what': Syntax error"]
        c3: STRLEN k => 1
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn sort_by_other_keys_needs_all_of_them() {
    check(
        r#"
        ACL SETUSER bob on nopass +sort ~list => OK
        c2: AUTH bob x => OK
        c2: SORT list => []
        c2: SORT list BY nosort => []
        c2: SORT list BY w_* => ERR BY option of SORT denied due to insufficient ACL permissions.
        c2: SORT list GET # => ERR GET option of SORT denied due to insufficient ACL permissions.
        ACL SETUSER bob %W~* => OK
        c2: SORT list GET w_* => ERR GET option of SORT denied due to insufficient ACL permissions.
        ACL SETUSER bob %R~* => OK
        c2: SORT list BY w_* GET v_* => []
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn dryrun_says_what_would_happen() {
    check(
        r#"
        ACL SETUSER bob +get +mget +publish ~r* &c => OK
        ACL DRYRUN bob GET r => OK
        [7.2] ACL DRYRUN bob GET k => "User bob has no permissions to access the 'k' key"
        [7.2] ACL DRYRUN bob MGET r1 a r2 b => "User bob has no permissions to access the 'a' key"
        [7.2] ACL DRYRUN bob SET r v => "User bob has no permissions to run the 'set' command"
        [7.2] ACL DRYRUN bob CONFIG GET x => "User bob has no permissions to run the 'config|get' command"
        [7.2] ACL DRYRUN bob PUBLISH d m => "User bob has no permissions to access the 'd' channel"
        ACL DRYRUN bob PUBLISH c m => OK
        ACL DRYRUN nobody GET r => ERR User 'nobody' not found
        ACL DRYRUN bob NOPE r => ERR Command 'NOPE' not found
        ACL DRYRUN bob GET => ERR wrong number of arguments for 'get' command
        ACL DRYRUN bob GET a b => ERR wrong number of arguments for 'get' command
        ACL DRYRUN bob => ERR wrong number of arguments for 'acl|dryrun' command
        ACL SETUSER bob +@all ~x resetkeys (%R~r* +@all) => OK
        ACL DRYRUN bob EVAL "" 3 a b => OK
        [7.2] ACL DRYRUN bob MIGRATE h 1 "" 0 9 AUTH KEYS KEYS r => "User bob has no permissions to access the 'r' key"
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn the_log_tells_what_was_refused() {
    check(
        r#"
        ACL LOG RESET => OK; ACL LOG => []
        ACL SETUSER bob on >p +get +publish +multi +exec ~k => OK
        c2: AUTH bob wrong => WRONGPASS invalid username-password pair or user is disabled.
        c2: AUTH bob p => OK
        c2: SET k v => NOPERM ...; c2: SET k v => NOPERM ...
        c2: GET other => NOPERM ...
        c2: PUBLISH c m => NOPERM ...
        c2: MULTI => OK; c2: INCR k => NOPERM ...; c2: EXEC => EXECABORT ...
        [7.2] ACL LOG => [
            ["count", 1, "reason", "command", "context", "multi", "object", "incr", "username", "bob", "age-seconds", any, "client-info", /cmd=incr user=bob/, "entry-id", int, "timestamp-created", int, "timestamp-last-updated", int],
            ["count", 1, "reason", "channel", "context", "toplevel", "object", "c", "username", "bob", ...],
            ["count", 1, "reason", "key", "context", "toplevel", "object", "other", "username", "bob", ...],
            ["count", 2, "reason", "command", "context", "toplevel", "object", "set", "username", "bob", ...],
            ["count", 1, "reason", "auth", "context", "toplevel", "object", "AUTH", "username", "bob", "age-seconds", any, "client-info", /user=default/, ...]]
        ACL LOG 1 => array(1)
        ACL LOG -1 => []
        ACL LOG x => ERR value is not an integer or out of range
        ACL LOG 1 2 => ERR unknown subcommand or wrong number of arguments for 'LOG'. Try ACL HELP.
        ACL LOG reset => OK; ACL LOG 5 => []
        CONFIG SET acllog-max-len 2 => OK
        c3: AUTH a x => WRONGPASS ...; c3: AUTH b x => WRONGPASS ...; c3: AUTH c x => WRONGPASS ...
        ACL LOG => array(2)
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn refusals_are_counted() {
    check(
        r#"
        CONFIG RESETSTAT => OK
        ACL SETUSER bob on nopass +get ~k +publish => OK
        c2: AUTH nobody x => WRONGPASS ...
        c2: AUTH bob x => OK
        c2: SET k v => NOPERM ...; c2: GET x => NOPERM ...; c2: GET x => NOPERM ...; c2: PUBLISH c x => NOPERM ...
        [7.2] INFO stats => txt/acl_access_denied_auth:1\r\nacl_access_denied_cmd:1\r\nacl_access_denied_key:2\r\nacl_access_denied_channel:1/
        INFO commandstats => txt/cmdstat_get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=2,failed_calls=0/
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn a_client_that_waits_is_refused_when_its_rights_go() {
    check(
        r#"
        ACL SETUSER bob on nopass +@all ~* => OK
        c2: AUTH bob x => OK
        c2: BLPOP l 0 => none
        eventually INFO clients => txt/blocked_clients:1/
        ACL SETUSER bob resetkeys => OK
        RPUSH l x => 1
        [7.2] c2: read => NOPERM No permissions to access a key
        [7.2] LLEN l => 1
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn categories_and_their_commands() {
    check(
        r#"
        ACL CAT => ["keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting"]
        ACL CAT Transaction => unordered["multi", "exec", "discard", "watch", "unwatch"]
        ACL CAT nope => ERR Unknown category 'nope'
        ACL CAT a b => ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.
        "#,
    );
}

#[test]
fn passwords_are_made_up() {
    check(
        r#"
        ACL GENPASS => /^[0-9a-f]{64}$/
        ACL GENPASS 5 => /^[0-9a-f]{2}$/
        ACL GENPASS 4096 => bulk(1024)
        ACL GENPASS 0 => ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096
        ACL GENPASS 4097 => ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096
        ACL GENPASS x => ERR value is not an integer or out of range
        ACL GENPASS 1 2 => ERR unknown subcommand or wrong number of arguments for 'GENPASS'. Try ACL HELP.
        "#,
    );
}

#[test]
fn without_an_acl_file() {
    check(
        r#"
        ACL LOAD => ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.
        ACL SAVE => ERR This Redis instance is not configured to use an ACL file. ...
        ACL LOAD x => ERR wrong number of arguments for 'acl|load' command
        ACL HELP => [+"ACL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        ACL NOPE => ERR unknown subcommand 'NOPE'. Try ACL HELP.
        "#,
    );
}

#[test]
fn new_users_may_have_all_channels() {
    check(
        r#"
        CONFIG SET acl-pubsub-default allchannels => OK
        ACL SETUSER bob (+get) => OK
        [7.2] ACL LIST => ["user bob off sanitize-payload &* -@all (&* -@all +get)", ...]
        CONFIG SET acl-pubsub-default resetchannels => OK
        [7.2] ACL LIST => ["user bob off sanitize-payload &* -@all (&* -@all +get)", ...]
        ACL SETUSER bob reset => OK
        [7.2] ACL LIST => ["user bob off sanitize-payload resetchannels -@all", ...]
        ACL DELUSER bob => 1
        "#,
    );
}

#[test]
fn kill_by_user() {
    check(
        r#"
        ACL SETUSER bob on nopass +@all => OK
        c2: AUTH bob x => OK
        CLIENT KILL USER bob => 1; c2: read => closed
        ACL DELUSER bob => 1
        CLIENT KILL USER bob => ERR No such user 'bob'
        "#,
    );
}

#[test]
fn an_acl_file_is_loaded_and_saved() {
    for variant in variants() {
        let folder = std::env::temp_dir().join(format!(
            "tessera-acl-{}-{}",
            std::process::id(),
            variant.name
        ));
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("users.acl");
        let old = "user default on nopass ~* &* +@all\n\nuser alice on >a +@all ~*\nuser bob on nopass +get ~b\n";
        std::fs::write(&path, old).expect("a file");
        let server = variant.own_server(&[("aclfile", path.to_str().expect("plain"))]);
        let mut conn = server.conn();
        let mut call = |line: &str| conn.call(line).to_string();
        assert_eq!(call("ACL USERS"), r#"["alice", "bob", "default"]"#);
        let mut bob = server.conn();
        assert_eq!(bob.call("AUTH bob x").to_string(), "OK");
        assert_eq!(call("ACL SETUSER carol on"), "OK");
        assert_eq!(call("ACL DELUSER alice"), "1");
        assert_eq!(call("ACL SAVE"), "OK");
        let saved = std::fs::read_to_string(&path).expect("the file");
        let lines: Vec<&str> = saved.lines().collect();
        assert_eq!(lines.len(), 3, "{saved}");
        assert!(
            lines[1].starts_with("user carol on ") && lines[1].ends_with(" resetchannels -@all")
        );
        std::fs::write(&path, format!("{saved}what is this\nuser carol off\n")).expect("a file");
        let refused = call("ACL LOAD");
        assert!(
            refused.contains("users.acl:4 should start with user keyword"),
            "{refused}"
        );
        assert!(
            refused.contains("Duplicate user 'carol' found on line 5"),
            "{refused}"
        );
        assert_eq!(bob.call("GET b").to_string(), "nil", "nothing has changed");
        std::fs::write(&path, old).expect("a file");
        assert_eq!(call("ACL LOAD"), "OK");
        assert_eq!(call("ACL USERS"), r#"["alice", "bob", "default"]"#);
        assert!(bob.read().is_err(), "the users are others now");
        let _ = std::fs::remove_dir_all(&folder);
    }
}
