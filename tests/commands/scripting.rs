//! EVAL, SCRIPT, FCALL, FUNCTION.

use crate::support::{check, check_both};

#[test]
fn eval_and_evalsha() {
    check(
        r##"
        EVAL "return 1" 0 => 1
        EVAL "return {KEYS[1], KEYS[2], ARGV[1], #ARGV}" 2 a b c => ["a", "b", "c", 1]
        EVAL "return redis.call('set', KEYS[1], ARGV[1])" 1 k v => OK
        EVAL "return redis.call('get', KEYS[1])" 1 k => "v"
        EVAL_RO "return redis.call('get', KEYS[1])" 1 k => "v"
        EVAL_RO "return redis.call('set', KEYS[1], 'x')" 1 k => ERR Write commands are not allowed from read-only scripts. script: ...
        SCRIPT LOAD "return ARGV[1]" => "098e0f0d1448c0a81dafe820f66d460eb09263da"
        EVALSHA 098e0f0d1448c0a81dafe820f66d460eb09263da 0 x => "x"
        EVALSHA 098E0F0D1448C0A81DAFE820F66D460EB09263DA 0 x => "x"
        EVALSHA_RO 098e0f0d1448c0a81dafe820f66d460eb09263da 0 x => "x"
        SCRIPT EXISTS 098e0f0d1448c0a81dafe820f66d460eb09263da x => [1, 0]
        SCRIPT FLUSH => OK
        SCRIPT EXISTS 098e0f0d1448c0a81dafe820f66d460eb09263da => [0]
        EVALSHA 098e0f0d1448c0a81dafe820f66d460eb09263da 0 => NOSCRIPT No matching script. Please use EVAL.
        EVALSHA short 0 => NOSCRIPT No matching script. Please use EVAL.
        EVALSHA short 1 => NOSCRIPT No matching script. Please use EVAL.
        EVALSHA short x => NOSCRIPT No matching script. Please use EVAL.
        EVALSHA_RO short -1 => NOSCRIPT No matching script. Please use EVAL.
        EVALSHA 098e0f0d1448c0a81dafe820f66d460eb09263da x => ERR value is not an integer or out of range
        EVALSHA 098e0f0d1448c0a81dafe820f66d460eb09263da 5 => ERR Number of keys can't be greater than number of args
        EVAL "return 1" x => ERR value is not an integer or out of range
        EVAL "return 1" 2 a => ERR Number of keys can't be greater than number of args
        EVAL "return 1" -1 => ERR Number of keys can't be negative
        EVAL "return" => ERR wrong number of arguments for 'eval' command
        SCRIPT FLUSH x => ERR SCRIPT FLUSH only support SYNC|ASYNC option
        SCRIPT FLUSH SYNC => OK
        SCRIPT FLUSH ASYNC => OK
        SCRIPT KILL => NOTBUSY No scripts in execution right now.
        [ours] SCRIPT DEBUG NO => OK
        [ours] SCRIPT DEBUG x => ERR Use SCRIPT DEBUG YES/SYNC/NO
        SCRIPT LOAD "x x" => ERR Error compiling script (new function): user_script:1: '=' expected near 'x'
        "##,
    );
}

/// What a transaction keeps is kept, wherever it ran.
#[test]
fn scripts_kept_in_transactions() {
    check(
        r##"
        SCRIPT FLUSH => OK
        MULTI => OK; SET a 1 => QUEUED; SCRIPT LOAD "return 77" => QUEUED
        EXEC => [OK, "2f769f654f08d29e246d971112563bd01abfe584"]
        EVALSHA 2f769f654f08d29e246d971112563bd01abfe584 0 => 77
        SCRIPT FLUSH => OK
        MULTI => OK; SCRIPT LOAD "return 1" => QUEUED
        EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0 => QUEUED
        EXEC => ["e0e1f9fabfc9d4800c877a703b823ac0578ff8db", 1]
        SCRIPT FLUSH => OK; SET a 1 => OK
        MULTI => OK; RENAME a b => QUEUED; EVAL "return 5" 1 c => QUEUED; SCRIPT LOAD "return 77" => QUEUED
        EXEC => [OK, 5, bulk]
        SCRIPT EXISTS 2f769f654f08d29e246d971112563bd01abfe584 => [1]
        "##,
    );
}

/// A script that was sent is known to what is sent behind it, wherever that runs.
#[test]
fn a_script_is_known_behind_its_first_call() {
    let turns: String = (0..20)
        .map(|n| {
            format!(
                "SCRIPT FLUSH => OK
                EVAL \"return 1\" 1 k{n} => 1; EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 q{n} => 1
                SCRIPT FLUSH => OK; MULTI => OK; EVAL \"return 1\" 1 k{n} => QUEUED
                EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 q{n} => QUEUED; EXEC => [1, 1]\n"
            )
        })
        .collect();
    check(&turns);
    // Not one that does not run.
    check(
        r##"
        SCRIPT FLUSH => OK
        EVAL "return 1" 2 k => ERR Number of keys can't be greater than number of args
        EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 1 q => NOSCRIPT No matching script. Please use EVAL.
        "##,
    );
}

#[test]
fn script_show() {
    check(
        r##"
        [ours] SCRIPT LOAD "return ARGV[1]" => "098e0f0d1448c0a81dafe820f66d460eb09263da"
        [ours] SCRIPT SHOW 098e0f0d1448c0a81dafe820f66d460eb09263da => "return ARGV[1]"
        [ours] SCRIPT SHOW x => NOSCRIPT No matching script.
        "##,
    );
}

#[test]
fn replies_in_both_protocols() {
    check_both(
        r##"
        EVAL "return {1, 'a', {2}}" 0 => [1, "a", [2]]
        EVAL "return nil" 0 => nil
        EVAL "return false" 0 => nil
        EVAL "return true" 0 => 1
        EVAL "return {ok = 'fine'}" 0 => +fine
        EVAL "return {err = 'MY error'}" 0 => -"MY error"
        EVAL "return {err = '-MY error'}" 0 => -"-MY error"
        EVAL "return redis.error_reply('-MY error')" 0 => -"MY error"
        EVAL "redis.setresp(2.5) return 1" 0 => 1
        EVAL "return redis.pcall('ping', 'a', 'b')" 0 => ERR wrong number of arguments for 'ping' command
        EVAL "return {cmsgpack._COPYRIGHT, cmsgpack._DESCRIPTION}" 0 => ["Copyright (C) 2012, Salvatore Sanfilippo", "MessagePack C implementation for Lua"]
        EVAL "return {double = 1.5}" 0 => double(1.5)
        EVAL "return {map = {a = 1}}" 0 => {"a": 1}
        EVAL "return {set = {a = true}}" 0 => set["a"]
        EVAL "redis.setresp(3) return true" 0 => #t
        EVAL "redis.setresp(3) return redis.call('get', KEYS[1])" 1 none => nil
        EVAL "return redis.call('get', KEYS[1])" 1 none => nil
        EVAL "return 3.99" 0 => 3
        EVAL "return redis.error_reply('a b')" 0 => -"a b"
        EVAL "return redis.error_reply('word')" 0 => ERR word
        EVAL "return redis.status_reply('fine')" 0 => +fine
        "##,
    );
}

#[test]
fn errors() {
    check(
        r##"
        EVAL "return x" 0 => ERR user_script:1: Script attempted to access nonexistent global variable 'x' script: 03c387736bb5cc009ff35151572cee04677aa374, on @user_script:1.
        EVAL "x = 1" 0 => ERR user_script:1: Attempt to modify a readonly table script: ...
        EVAL "error('foo')" 0 => ERR user_script:1: foo script: 3636b3c71d6a755d5b3f0a4d22850f935598f38d, on @user_script:1.
        EVAL "return redis.call('nope')" 0 => ERR Unknown Redis command called from script script: f01f0776df71cc5b400c2268135aa7f30dce2e53, on @user_script:1.
        EVAL "return redis.call('get')" 0 => ERR Wrong number of args calling Redis command from script script: ...
        EVAL "return redis.call('eval', 'return 1', 0)" 0 => ERR This Redis command is not allowed from script script: ...
        EVAL "return redis.call()" 0 => ERR Please specify at least one argument for this redis lib call script: ...
        EVAL "return redis.call({})" 0 => ERR Lua redis lib command arguments must be strings or integers script: ...
        SET k v => OK
        EVAL "return redis.call('incr', KEYS[1])" 1 k => ERR value is not an integer or out of range script: ...
        EVAL "return redis.pcall('incr', KEYS[1])" 1 k => ERR value is not an integer or out of range
        EVAL "return redis.pcall('incr', KEYS[1]).err" 1 k => "ERR value is not an integer or out of range"
        EVAL "#!lua flags=no-writes\nreturn redis.call('set', KEYS[1], 'x')" 1 k => ERR Write commands are not allowed from read-only scripts. script: ...
        EVAL "#!lua flags=foo\nreturn 1" 0 => ERR Unexpected flag in script shebang: foo
        EVAL "#!lua foo=x\nreturn 1" 0 => ERR Unknown lua shebang option: foo=x
        EVAL "#!lu\nreturn 1" 0 => ERR Unexpected engine in script shebang: #!lu
        EVAL "#!lua" 0 => ERR Invalid script shebang
        EVAL_RO "#!lua\nreturn 1" 0 => ERR Can not execute a script with write flag using *_ro command.
        EVAL "#!lua flags=no-writes\nreturn 1" 0 => 1
        "##,
    );
}

#[test]
fn keys_that_are_not_declared() {
    check(
        r##"
        EVAL "for i = 1, 50 do redis.call('set', 'key:' .. i, i) end return redis.call('dbsize')" 0 => 50
        EVAL "local n = 0 for i = 1, 50 do n = n + redis.call('get', 'key:' .. i) end return n" 0 => 1275
        EVAL "local n = redis.call('get', KEYS[1]) for i = 2, 50 do n = n + redis.call('get', 'key:' .. i) end return n" 1 key:1 => 1275
        EVAL "local n = redis.call('get', KEYS[1]) for i = 2, 50 do n = n + redis.call('get', 'key:' .. i) end return n" 1 key:1 => 1275
        EVAL "redis.call('incr', KEYS[1]) return redis.call('incr', ARGV[1])" 1 key:1 key:2 => 3
        EVAL "redis.call('incr', KEYS[1]) return redis.call('incr', ARGV[1])" 1 key:1 key:2 => 4
        EVAL "return redis.call('mget', KEYS[1], KEYS[2], KEYS[3])" 3 key:1 key:2 key:3 => ["3", "4", "3"]
        EVAL "return redis.call('mget', 'key:1', 'key:2', 'key:3')" 0 => ["3", "4", "3"]
        EVAL "return #redis.call('keys', 'key:*')" 0 => 50
        EVAL "return redis.call('del', unpack(redis.call('keys', 'key:*')))" 0 => 50
        EVAL "redis.call('select', 3) redis.call('set', 'x', 'y') return redis.call('get', 'x')" 0 => "y"
        EXISTS x => 0
        SELECT 3 => OK
        GET x => "y"
        SELECT 0 => OK
        "##,
    );
}

#[test]
fn in_transactions() {
    check(
        r##"
        MULTI => OK
        SET {a} 1 => QUEUED
        EVAL "return redis.call('incr', KEYS[1])" 1 {a} => QUEUED
        EVAL "return redis.call('incr', 'other' .. redis.call('get', '{a}'))" 1 {a} => QUEUED
        EVAL "return redis.call('nope')" 0 => QUEUED
        GET {a} => QUEUED
        EXEC => [OK, 2, 1, any, "2"]
        GET other2 => "1"
        "##,
    );
}

#[test]
fn functions() {
    check_both(
        r##"
        FUNCTION FLUSH => OK
        FUNCTION LOAD "#!lua name=lib\nredis.register_function('set', function(keys, args) return redis.call('set', keys[1], args[1]) end)\nredis.register_function{function_name='get', callback=function(keys) return redis.call('get', keys[1]) end, flags={'no-writes'}, description='reads'}" => "lib"
        FCALL set 1 k v => OK
        FCALL get 1 k => "v"
        FCALL_RO get 1 k => "v"
        FCALL_RO set 1 k v => ERR Can not execute a script with write flag using *_ro command.
        FCALL GET 1 k => "v"
        FCALL none 0 => ERR Function not found
        FCALL get x => ERR Bad number of keys provided
        FCALL get 5 k => ERR Number of keys can't be greater than number of args
        FCALL get -1 => ERR Number of keys can't be negative
        FUNCTION LIST LIBRARYNAME l* => [{"library_name": "lib", "engine": "LUA", "functions": any}]
        FUNCTION LIST LIBRARYNAME x => []
        FUNCTION LIST LIBRARYNAME => ERR library name argument was not given
        FUNCTION LIST x => ERR Unknown argument x
        FUNCTION STATS => {"running_script": nil, "engines": {"LUA": {"libraries_count": 1, "functions_count": 2}}}
        FUNCTION LOAD "#!lua name=lib\nredis.register_function('x', function() end)" => ERR Library 'lib' already exists
        FUNCTION LOAD "#!lua name=lib2\nredis.register_function('get', function() end)" => ERR Function get already exists
        FUNCTION LOAD REPLACE "#!lua name=lib\nredis.register_function('x', function() return 'new' end)" => "lib"
        FCALL get 1 k => ERR Function not found
        FCALL x 0 => "new"
        FUNCTION DUMP => @dump
        FUNCTION DELETE lib => OK
        FUNCTION DELETE lib => ERR Library not found
        FUNCTION RESTORE {{$dump}} => OK
        FCALL x 0 => "new"
        FUNCTION RESTORE {{$dump}} => ERR Library lib already exists
        FUNCTION RESTORE {{$dump}} REPLACE => OK
        FUNCTION RESTORE {{$dump}} FLUSH => OK
        FUNCTION RESTORE {{$dump}} x => ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.
        FUNCTION RESTORE x => ERR DUMP payload version or checksum are wrong
        FUNCTION KILL => NOTBUSY No scripts in execution right now.
        FUNCTION FLUSH sync x => ERR unknown subcommand or wrong number of arguments for 'FLUSH'. Try FUNCTION HELP.
        FUNCTION FLUSH x => ERR FUNCTION FLUSH only supports SYNC|ASYNC option
        FUNCTION FLUSH ASYNC => OK
        FUNCTION LIST => []
        "##,
    );
}

#[test]
fn what_is_wrong_with_a_library() {
    check(
        r##"
        FUNCTION LOAD "#!lua name=l\nreturn 1" => ERR No functions registered
        FUNCTION LOAD "#!lu name=l\nreturn 1" => ERR Engine 'lu' not found
        FUNCTION LOAD "#! name=l\nreturn 1" => ERR Engine '' not found
        FUNCTION LOAD "#!lua\nreturn 1" => ERR Library name was not given
        FUNCTION LOAD "x" => ERR Missing library metadata
        FUNCTION LOAD "#!lua name=l" => ERR Invalid library metadata
        FUNCTION LOAD "#!lua name=l name=x\n" => ERR Invalid metadata value, name argument was given multiple times
        FUNCTION LOAD "#!lua name=l x=1\n" => ERR Invalid metadata value given: x=1
        FUNCTION LOAD "#!lua name=l!\n" => ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long
        FUNCTION LOAD "#!lua name=l\nx x" => ERR Error compiling function: user_function:2: '=' expected near 'x'
        FUNCTION LOAD "#!lua name=l\na = 1" => ERR Error registering functions: ERR user_function:2: Attempt to modify a readonly table
        FUNCTION LOAD "#!lua name=l\nredis.call('get', 'x')" => ERR Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'call'
        FUNCTION LOAD "#!lua name=l\nredis.register_function('f')" => ERR Error registering functions: ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).
        FUNCTION LOAD "#!lua name=l\nredis.register_function('f', 'x')" => ERR Error registering functions: ERR second argument to redis.register_function must be a function
        FUNCTION LOAD "#!lua name=l\nredis.register_function{function_name='f', callback=function() end, flags={'x'}}" => ERR Error registering functions: ERR unknown flag given
        FUNCTION LOAD x y => ERR Unknown option given: x
        FUNCTION LOAD "#!lua name=l\nredis.register_function{1}" => ERR Error registering functions: ERR unknown argument given to redis.register_function
        FUNCTION LOAD "#!lua name=l\nredis.register_function{[true]=1}" => ERR Error registering functions: ERR named argument key given to redis.register_function is not a string
        FUNCTION LOAD "#!lua name=l\nredis.register_function{function_name={}}" => ERR Error registering functions: ERR function_name argument given to redis.register_function must be a string
        FUNCTION LOAD "#!lua name=l\nredis.register_function({}, function() end)" => ERR Error registering functions: ERR first argument to redis.register_function must be a string
        "##,
    );
}

/// Numbers are as good as texts, and names of arguments may be in capitals.
#[test]
fn how_functions_may_be_named() {
    check(
        r##"
        FUNCTION FLUSH => OK
        FUNCTION LOAD "#!lua name=l\nredis.register_function(1, function() return 'a' end)" => "l"
        FUNCTION LOAD "#!lua name=m\nredis.register_function{FUNCTION_NAME=22, Callback=function() return 'b' end, description=1}" => "m"
        FCALL 1 0 => "a"; FCALL 22 0 => "b"
        FUNCTION LIST LIBRARYNAME m => [["library_name", "m", "engine", "LUA", "functions", [["name", "22", "description", "1", "flags", []]]]]
        FUNCTION FLUSH => OK
        "##,
    );
}

/// A script may do what the user may that calls it.
#[test]
fn users_with_limits() {
    check(
        r##"
        ACL SETUSER bob on nopass ~k* %R~r* &c +@scripting +get +mset +mget +sort +publish +multi +exec => OK
        SET k v => OK; SET other v => OK
        c2: AUTH bob x => OK
        c2: EVAL "return redis.call('get', KEYS[1])" 1 k => "v"
        [7.2] c2: EVAL "return redis.call('set', KEYS[1], 'x')" 1 k => ERR ACL failure in script: User bob has no permissions to run the 'set' command script: ee5bed0f6963e93a14eebfb64f07c299c1b4313f, on @user_script:1.
        [7.2] c2: EVAL "return redis.pcall('set', KEYS[1], 'x')" 1 k => ERR ACL failure in script: User bob has no permissions to run the 'set' command
        [7.2] c2: EVAL "return redis.call('get', KEYS[1])" 1 other => NOPERM No permissions to access a key
        [7.2] c2: EVAL "return redis.pcall('get', 'other')" 0 => ERR ACL failure in script: No permissions to access a key
        [7.2] c2: EVAL "return redis.pcall('get', 'oth' .. ARGV[1])" 1 k er => ERR ACL failure in script: No permissions to access a key
        [7.2] c2: EVAL "return redis.pcall('publish', 'd', 'x')" 0 => ERR ACL failure in script: No permissions to access a channel
        [7.2] c2: EVAL "return redis.pcall('config', 'get', 'save')" 0 => ERR This Redis command is not allowed from script
        [7.2] c2: EVAL "return redis.pcall('mset', 'k1', '1', 'k2', '2', 'r3', '3')" 0 => ERR ACL failure in script: No permissions to access a key
        c2: EVAL "return redis.call('mget', 'k1', 'k2', 'r3')" 0 => [nil, nil, nil]
        c2: EVAL "return {redis.acl_check_cmd('set', 'k', 'x'), redis.acl_check_cmd('get', 'k')}" 0 => [nil, 1]
        c2: EVAL "return redis.acl_check_cmd('get', KEYS[1])" 1 k => 1
        c2: EVAL "return redis.acl_check_cmd('set', KEYS[1], 'x')" 1 k => nil
        c2: EVAL "return redis.acl_check_cmd('get', 'other')" 0 => nil
        c2: EVAL "return redis.acl_check_cmd('nope')" 0 => ERR Invalid command passed to redis.acl_check_cmd() script: ...
        FUNCTION LOAD "#!lua name=lib\nredis.register_function('f', function(keys) return redis.pcall('set', keys[1], 'x') end)" => "lib"
        [7.2] c2: FCALL f 1 k => ERR ACL failure in script: User bob has no permissions to run the 'set' command
        c2: MULTI => OK
        c2: EVAL "return redis.pcall('get', KEYS[1])" 1 k => QUEUED
        c2: EVAL "return redis.pcall('set', KEYS[1], 'x')" 1 k => QUEUED
        c2: EVAL "return redis.pcall('set', 'kk', 'x')" 0 => QUEUED
        [7.2] c2: EXEC => ["v",
            -"ERR ACL failure in script: User bob has no permissions to run the 'set' command",
            -"ERR ACL failure in script: User bob has no permissions to run the 'set' command"]
        EVAL "return redis.call('set', KEYS[1], 'x')" 1 k => OK
        EVAL "return {redis.acl_check_cmd('set', 'k', 'x'), redis.acl_check_cmd('get', 'other')}" 0 => [1, 1]
        [7.2] ACL LOG 1 => [{"count": any, "reason": "command", "context": "lua", "object": "set", "username": "bob",
            "age-seconds": any, "client-info": /cmd=e/, "entry-id": any, "timestamp-created": any, "timestamp-last-updated": any}]
        ACL LOG RESET => OK
        FUNCTION DELETE lib => OK
        ACL DELUSER bob => 1
        "##,
    );
}

#[test]
fn what_scripts_do_not_wait_for() {
    check(
        r##"
        EVAL "return redis.pcall('xread', 'block', 0, 'streams', 's', '$')" 0 => ERR xread command is not allowed with BLOCK option from scripts
        EVAL "return redis.pcall('xread', 'count', 1, 'streams', 'block', '$')" 1 block => nil
        EVAL "return redis.pcall('xreadgroup', 'group', 'g', 'c', 'BLOCK', 0, 'streams', 's', '>')" 0 => ERR xreadgroup command is not allowed with BLOCK option from scripts
        [7.2] EVAL "return redis.call('wait', 1, 0)" 0 => 0
        "##,
    );
}

#[test]
fn messages_of_scripts() {
    check(
        r##"
        c2: SUBSCRIBE c => ["subscribe", "c", 1]
        EVAL "redis.call('publish', 'c', 'hello') return 1" 0 => 1
        c2: read => ["message", "c", "hello"]
        "##,
    );
}

#[test]
fn help() {
    check(
        r##"
        SCRIPT HELP => [+"SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        FUNCTION HELP => [+"FUNCTION <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        "##,
    );
}

#[test]
fn commands_that_need_no_keys() {
    check(
        r##"
        EVAL "return redis.call('lastsave') > 0" 0 => 1
        EVAL "return redis.call('command', 'count') > 100" 0 => 1
        [7.2] EVAL "local t = redis.call('time') return {#t, t[2] == redis.call('time')[2]}" 0 => [2, 1]
        EVAL "return #redis.call('info', 'server') > 10" 0 => 1
        EVAL "return redis.call('slowlog', 'len') >= 0" 0 => 1
        EVAL "return redis.call('pubsub', 'numpat')" 0 => 0
        EVAL "return redis.call('memory', 'purge')" 0 => OK
        EVAL "return #redis.call('object', 'help') > 1" 0 => 1
        EVAL "return redis.call('lolwut') ~= ''" 0 => 1
        EVAL "return redis.call('config', 'get', 'x')" 0 => ERR This Redis command is not allowed from script script: ...
        EVAL "return redis.call('client', 'id')" 0 => ERR This Redis command is not allowed from script script: ...
        EVAL "return redis.call('acl', 'whoami')" 0 => ERR This Redis command is not allowed from script script: ...
        EVAL "return redis.call('multi')" 0 => ERR This Redis command is not allowed from script script: ...
        EVAL "return redis.pcall('nosuch')" 0 => ERR Unknown Redis command called from script
        EVAL "return redis.pcall('get')" 0 => ERR Wrong number of args calling Redis command from script
        SET a 1 => OK; SET b 1 => OK; SET c 1 => OK
        EVAL "return {redis.call('dbsize'), #redis.call('keys', '*'), #redis.call('scan', 0)}" 0 => [3, 3, 2]
        EVAL "return #redis.call('randomkey')" 0 => 1
        EVAL "return redis.call('publish', 'ch', 'x')" 0 => 0
        [7.2] EVAL "return redis.call('wait', 0, 1)" 0 => 0
        "##,
    );
}

#[test]
fn first_lines() {
    check(
        r##"
        EVAL "#!lua flags=no-writes,allow-oom\nreturn 1" 0 => 1
        EVAL "#!lua flags=\nreturn 1" 0 => 1
        EVAL "#!lua flags=no-writes,\nreturn 1" 0 => -"ERR Unexpected flag in script shebang: "
        EVAL "#!lua 'flags=no-writes'\nreturn redis.call('set', 'a', 1)" 0 => ERR Write commands are not allowed from read-only scripts. script: ...
        EVAL "#!lua 'flags\nreturn 1" 0 => ERR Invalid engine in script shebang
        EVAL "#!lua" 0 => ERR Invalid script shebang
        FUNCTION LOAD "#!lua NAME='quoted'\nredis.register_function('q1', function(keys) return redis.call('get', keys[1]) end)" => "quoted"
        SET k v => OK; FCALL q1 1 k => "v"; FCALL_RO q1 1 k => ERR Can not execute a script with write flag using *_ro command.
        FUNCTION LOAD "#!lua name=\"a b\"\nx" => ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long
        FUNCTION LOAD "#!lua name='a\nx" => ERR Invalid library metadata
        FUNCTION DELETE quoted => OK
        "##,
    );
}
