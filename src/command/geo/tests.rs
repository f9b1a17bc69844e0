//! What transcripts over a socket do not see: changes counted, notifications, both encodings.

use crate::command::testing::Bench;
use crate::config::KeyspaceEvents;

#[test]
fn what_is_stored_is_told() {
    for (shards, entries) in [(1, 128), (4, 128), (1, 0), (4, 0)] {
        let mut bench = Bench::new(shards);
        bench.config.zset_max_listpack_entries = entries;
        bench.config.notify_keyspace_events = KeyspaceEvents::ALL;
        bench.check(
            r#"
            GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania => 2; @dirty => 2; @events => [zadd g]
            GEOADD g NX 1 1 Palermo => 0; GEOADD g XX CH 13.361389 38.12 Palermo => 1; @dirty => 1; @events => [zadd g]
            GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km => 2; GEORADIUS g 15 37 100 km STORE d => 1
            @dirty => 3; @events => [geosearchstore d, georadiusstore d]
            GEORADIUSBYMEMBER g Catania 1 km STOREDIST d => 1; ZRANGE d 0 -1 WITHSCORES => [Catania, "0"]
            GEOSEARCHSTORE d g FROMLONLAT 0 0 BYRADIUS 1 m => 0; GEORADIUS none 1 1 1 m STORE d => 0
            @dirty => 2; @events => [georadiusstore d, del d]
            GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 1 WITHDIST => [[Catania, 56.4413]]
            "#,
        );
    }
}
