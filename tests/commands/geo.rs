//! Positions in sorted sets.

use crate::support::{check, check_both, check_resp3};

#[test]
fn geoadd_and_single_members() {
    check_both(
        r#"
        GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania => 2; GEOADD g 13.361389 38.115556 Palermo => 0; TYPE g => +zset
        ZSCORE g Palermo => double(3479099956230698); ZSCORE g Catania => double(3479447370796909)
        GEOHASH g Palermo x Catania => ["sqc8b49rny0", nil, "sqdtr74hyu0"]; GEOHASH none a => [nil]; GEOHASH g => []; GEOPOS none a => [nil-array]; GEOPOS g => []
        GEOPOS g Palermo x => [[double(13.36138933897018433), double(38.11555639549629859)], nil-array]
        GEODIST g Palermo Catania => "166274.1516"; GEODIST g Palermo Catania km => "166.2742"; GEODIST g Palermo Catania MI => "103.3182"; GEODIST g Palermo Catania ft => "545518.8700"; GEODIST g Palermo Palermo => "0.0000"
        GEODIST g Palermo x => nil; GEODIST none a b => nil; GEODIST g Palermo Catania parsec => ERR unsupported unit provided. please use M, KM, FT, MI; GEODIST g Palermo Catania km x => ERR syntax error
        GEOADD g NX 1 1 Palermo 2 2 New => 1; GEOADD g XX 1 1 Nobody => 0; GEOADD g CH 3 3 New 4 4 More => 2; GEOADD g XX CH 5 5 New => 1; ZCARD g => 4
        GEOADD g 181 1 a => ERR invalid longitude,latitude pair 181.000000,1.000000; GEOADD g 1 -86 a => ERR invalid longitude,latitude pair 1.000000,-86.000000; GEOADD g inf 1 a => ERR invalid longitude,latitude pair inf,1.000000
        GEOADD g x 1 a => ERR value is not a valid float; GEOADD g 1 1 a 1 => ERR syntax error; GEOADD g NX XX 1 1 a => ERR syntax error; GEOADD g NX CH CH => ERR syntax error
        GEOADD g 1 1 => ERR wrong number of arguments for 'geoadd' command; GEODIST g a => ERR wrong number of arguments for 'geodist' command
        SET s x => OK; GEOADD s 1 1 a => WRONGTYPE ...; GEOPOS s a => WRONGTYPE ...; GEOHASH s a => WRONGTYPE ...; GEODIST s a b => WRONGTYPE ...
        GEOADD e 180 85.05112878 ne -180 -85.05112878 sw 0 0 zero => 3; GEOPOS e zero => [[double(0.00000268220901489), double(0.00000126736058093)]]; GEOHASH e ne sw zero => ["bp05b5048p0", "00bh0hbj200", "s0000000000"]
        ZADD w 1 low 1e300 high -5 neg => 3; GEOPOS w low => [[double(-179.99999731779098511), double(-85.05112497791824921)]]
        "#,
    );
}

#[test]
fn geosearch_finds_what_is_near() {
    check(
        r#"
        GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1 17.241510 38.788135 edge2 => 4
        GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC => ["Catania", "Palermo"]; GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km DESC => ["Palermo", "Catania"]
        GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHCOORD WITHDIST => [["Catania", "56.4413", ["15.08726745843887329", "37.50266842333162032"]], ["Palermo", "190.4424", ["13.36138933897018433", "38.11555639549629859"]], ["edge2", "279.7403", ["17.24151045083999634", "38.78813451624225195"]], ["edge1", "279.7405", ["12.7584877610206604", "38.78813451624225195"]]]
        GEOSEARCH g FROMMEMBER Catania BYRADIUS 0 m => ["Catania"]; GEOSEARCH g FROMMEMBER Palermo BYRADIUS 100 km WITHHASH WITHDIST ASC => [["Palermo", "0.0000", 3479099956230698], ["edge1", "91.4007", 3479273021651468]]
        GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1 => ["Catania"]; GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 9999 km COUNT 3 DESC => ["edge1", "edge2", "Palermo"]; GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1 ANY => array(1)
        GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 621 mi ASC => ["Catania", "Palermo", "edge2", "edge1"]; GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 300 km => array(4); GEOSEARCH g FROMLONLAT -100 37 BYRADIUS 300 km => []
        GEOSEARCH none FROMMEMBER x BYRADIUS 1 m => []; GEOSEARCH none FROMLONLAT 1 1 BYBOX 1 1 m COUNT 1 ANY => []
        GEOSEARCH g FROMMEMBER x BYRADIUS 1 m => ERR could not decode requested zset member; GEOSEARCH g FROMLONLAT 200 1 BYRADIUS 1 m => ERR invalid longitude,latitude pair 200.000000,1.000000
        GEOSEARCH g BYRADIUS 1 m ASC WITHDIST => ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH
        geosearch g FROMLONLAT 1 1 ASC WITHDIST => ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch
        GEOSEARCH g FROMLONLAT 1 1 FROMMEMBER Palermo BYRADIUS 1 m => ERR syntax error; GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m BYBOX 1 1 m => ERR syntax error
        GEOSEARCH g FROMLONLAT 1 1 BYRADIUS x m => ERR need numeric radius; GEOSEARCH g FROMLONLAT 1 1 BYRADIUS -1 m => ERR radius cannot be negative; GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 x => ERR unsupported unit provided. please use M, KM, FT, MI
        GEOSEARCH g FROMLONLAT 1 1 BYBOX x 1 m => ERR need numeric width; GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 x m => ERR need numeric height; GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 -1 m => ERR height or width cannot be negative
        GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m COUNT 0 => ERR COUNT must be > 0; GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m COUNT x => ERR value is not an integer or out of range; GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m ANY => ERR the ANY argument requires COUNT argument
        GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m STORE d => ERR syntax error; GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m STOREDIST => ERR syntax error; GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 => ERR syntax error
        SET s x => OK; GEOSEARCH s FROMLONLAT 1 1 BYRADIUS 1 m => WRONGTYPE ...; GEOSEARCH s FROMLONLAT 1 1 BYRADIUS 1 x => WRONGTYPE ...
        GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 99999999 km ASC => ["Catania", "Palermo", "edge2", "edge1"]; GEOSEARCH g FROMLONLAT 15 37 BYBOX 1e9 1e9 km ASC => ["Catania", "Palermo", "edge2", "edge1"]; GEOSEARCH g FROMLONLAT 15 37 BYRADIUS inf m COUNT 1 => ["Catania"]
        "#,
    );
    check_resp3(
        r#"
        GEOADD g 13.361389 38.115556 Palermo => 1
        GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 m WITHDIST WITHHASH WITHCOORD => [["Palermo", "0.0000", 3479099956230698, [double(13.36138933897018433), double(38.11555639549629859)]]]
        "#,
    );
}

#[test]
fn georadius_finds_and_stores() {
    check(
        r#"
        GEOADD {t}g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania => 2; GEOADD {t}g 13.583333 37.316667 Agrigento => 1
        GEORADIUS {t}g 15 37 200 km WITHDIST ASC => [["Catania", "56.4413"], ["Agrigento", "130.4235"], ["Palermo", "190.4424"]]; GEORADIUS_RO {t}g 15 37 100 km => ["Catania"]; GEORADIUS {t}g 15 37 200 km COUNT 2 => ["Catania", "Agrigento"]
        GEORADIUSBYMEMBER {t}g Agrigento 100 km ASC => ["Agrigento", "Palermo"]; GEORADIUSBYMEMBER_RO {t}g Agrigento 100 km DESC WITHDIST => [["Palermo", "90.9778"], ["Agrigento", "0.0000"]]
        GEORADIUS {t}g 15 37 200 km STORE {t}d => 3; ZRANGE {t}d 0 -1 WITHSCORES => ["Agrigento", "3479030013248308", "Palermo", "3479099956230698", "Catania", "3479447370796909"]
        GEORADIUS {t}g 15 37 200 km COUNT 1 STOREDIST {t}d => 1; ZCARD {t}d => 1; ZRANGEBYSCORE {t}d 56.4412 56.4414 => ["Catania"]; GEORADIUSBYMEMBER {t}g Agrigento 100 km STOREDIST {t}o STORE {t}d => 2; EXISTS {t}o => 0; ZSCORE {t}d Palermo => "3479099956230698"
        GEORADIUS {t}g 1 1 1 m STORE {t}d => 0; EXISTS {t}d => 0; ZADD {t}d 1 a => 1; GEORADIUS {t}none 1 1 1 m STORE {t}d => 0; EXISTS {t}d => 0; GEORADIUSBYMEMBER {t}none x 1 m => []; GEORADIUSBYMEMBER {t}none x what ever => []
        GEORADIUS {t}g 15 37 200 km WITHDIST STORE {t}d => ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options; GEORADIUS_RO {t}g 15 37 200 km STORE {t}d => ERR syntax error; GEORADIUSBYMEMBER_RO {t}g Palermo 1 m STOREDIST {t}d => ERR syntax error
        GEORADIUS {t}g 15 37 200 km STORE => ERR syntax error; GEORADIUS {t}g 15 37 x km => ERR need numeric radius; GEORADIUS {t}g 15 37 -1 km => ERR radius cannot be negative; GEORADIUS {t}g 15 97 1 km => ERR invalid longitude,latitude pair 15.000000,97.000000
        GEORADIUSBYMEMBER {t}g x 1 km => ERR could not decode requested zset member; GEORADIUSBYMEMBER {t}g Palermo 1 xx => ERR unsupported unit provided. please use M, KM, FT, MI; GEORADIUS {t}g 15 37 200 km BYRADIUS 1 m => ERR syntax error
        GEOSEARCHSTORE {t}d {t}g FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 2 => 2; ZRANGE {t}d 0 -1 => ["Agrigento", "Catania"]; GEOSEARCHSTORE {t}d {t}g FROMLONLAT 15 37 BYRADIUS 100 km STOREDIST => 1; ZRANGEBYSCORE {t}d 56.4412 56.4414 => ["Catania"]
        GEOSEARCHSTORE {t}d {t}g FROMLONLAT 15 37 BYRADIUS 100 km WITHDIST => ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options; GEOSEARCHSTORE {t}d {t}none FROMLONLAT 15 37 BYRADIUS 100 km => 0; EXISTS {t}d => 0
        GEOSEARCHSTORE {t}d {t}g FROMLONLAT 15 37 BYRADIUS 100 => ERR syntax error; GEOSEARCHSTORE {t}d {t}g BYRADIUS 1 m ASC ASC ASC => ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCHSTORE
        SET {t}s x => OK; GEORADIUS {t}s 1 1 1 m => WRONGTYPE ...; GEOSEARCHSTORE {t}d {t}s FROMLONLAT 1 1 BYRADIUS 1 m => WRONGTYPE ...; GEORADIUSBYMEMBER {t}s x 1 m => WRONGTYPE ...; GEORADIUS_RO {t}s 1 1 1 m => WRONGTYPE ...; GEORADIUSBYMEMBER_RO {t}s x 1 m => WRONGTYPE ...
        "#,
    );
    check(
        "GEOADD a 1 1 x 2 2 y => 2; GEOSEARCHSTORE b a FROMLONLAT 1 1 BYRADIUS 1 km => 1; GEORADIUS a 1 1 999 km STORE c => 2; ZCARD b => 1; ZCARD c => 2",
    );
}

#[test]
fn the_order_of_unsorted_replies_is_that_of_cells() {
    check(
        r#"
        GEOADD g 10 10 a 10.3 10.3 b 9.7 9.7 c 10.3 9.7 d 9.7 10.3 e 10 10.4 f 10 9.6 g 10.4 10 h 9.6 10 i 10.1 10.1 j 9.9 9.9 k => 11
        GEOSEARCH g FROMLONLAT 10 10 BYRADIUS 60 km => ["a", "j", "h", "f", "b", "g", "k", "d", "i", "e", "c"]
        GEOSEARCH g FROMLONLAT 10 10 BYRADIUS 60 km COUNT 4 ANY => ["a", "j", "h", "f"]
        "#,
    );
}

#[test]
fn members_inside_of_a_polygon_are_found() {
    const POLYGON: &str = "BYPOLYGON 11 151.21619137411474 -33.869643764947696 151.20408853981647 -33.87845382042545 \
         151.2123775086366 -33.87864711938855 151.21046943124387 -33.87588862400425 151.21701035939626 \
         -33.874286511854834 151.2239557405701 -33.8735722632175 151.22495056246407 -33.87893571656996 \
         151.2274447496748 -33.882307713036354 151.23212935868654 -33.88136096120022 151.23097291274465 \
         -33.87456240592362 151.22475424781445 -33.87099633192101";
    check_both(&format!(
        r#"
        GEOADD {{t}}g 151.20932132005692 -33.877723137822436 elizabeth 151.2119820713997 -33.87697539508043 connaught => 2
        GEOADD {{t}}g 151.2119820713997 -33.87156123068408 james 151.2229523062706 -33.883973760201364 oxford => 2
        GEOADD {{t}}g 151.22852593660355 -33.88116782387797 goodhope 151.2224105000496 -33.87544442350019 kings 151.22953444719315 -33.874838625143106 oval => 3
        [ours] GEOSEARCH {{t}}g {POLYGON} WITHDIST ASC => [["oval", "858.3013"], ["goodhope", "929.4979"], ["elizabeth", "1035.7735"]]
        [ours] GEOSEARCH {{t}}g {POLYGON} => ["goodhope", "oval", "elizabeth"]
        [ours] GEOSEARCHSTORE {{t}}d {{t}}g {POLYGON} ASC STOREDIST COUNT 2 => 2; [ours] ZRANGE {{t}}d 0 -1 => ["oval", "goodhope"]
        [ours] GEOSEARCH {{t}}g BYPOLYGON 5 151.2154285314146 -33.867438205607186 151.20024487595015 -33.88138572784347 151.2374118848648 -33.87601765283626 151.19695829592922 -33.87272872054441 151.2278336546125 -33.88345323146266 => unordered["elizabeth", "james", "kings"]
        [ours] GEOSEARCH {{t}}g BYPOLYGON 2 1 1 2 2 ASC => ERR GEOSEARCH BYPOLYGON must have at least 3 vertices
        [ours] GEOSEARCH {{t}}g BYPOLYGON 3 1 1 2 2 ASC => ERR GEOSEARCH BYPOLYGON must have at least 3 vertices
        [ours] GEOSEARCH {{t}}g BYPOLYGON 9223372036854775807 1 1 2 2 => ERR GEOSEARCH BYPOLYGON must have at least 3 vertices
        [ours] GEOSEARCH {{t}}g BYPOLYGON x 1 1 2 2 3 3 => ERR value is not an integer or out of range
        [ours] GEOSEARCH {{t}}g BYPOLYGON 3 1 1 2 2 3 300 => ERR invalid longitude,latitude pair 3.000000,300.000000
        [ours] GEOSEARCH {{t}}g BYPOLYGON 3 1 1 2 2 3 3 BYBOX 400 400 km => ERR syntax error
        [ours] GEOSEARCH {{t}}g BYRADIUS 5 km BYPOLYGON 3 1 1 2 2 3 3 => ERR syntax error
        [ours] GEOSEARCH {{t}}g BYPOLYGON 3 1 1 2 2 3 3 FROMMEMBER oval => ERR syntax error
        [ours] GEOSEARCH {{t}}g FROMLONLAT 1 1 BYPOLYGON 3 1 1 2 2 3 3 => ERR syntax error
        [ours] GEOSEARCH nope BYPOLYGON 3 1 1 2 2 3 3 => []
        "#
    ));
}
