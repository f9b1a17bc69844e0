//! Rows: positions in sorted sets.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("geoadd", Group::Geo, "3.2.0", -5)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs(
            "Add members with their positions.",
            "O(log N) each, for N members",
        )
        .syntax("key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]")
        .runs(Route::Keys, Store(super::super::geo::geoadd)),
    row("geodist", Group::Geo, "3.2.0", -4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs("Tell the distance between two members.", "O(1)")
        .syntax("key member1 member2 [M|KM|FT|MI]")
        .runs(Route::Keys, Store(super::super::geo::geodist)),
    row("geohash", Group::Geo, "3.2.0", -2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs("Tell the Geohash texts of members.", "O(1) each")
        .syntax("key [member [member ...]]")
        .runs(Route::Keys, Store(super::super::geo::geohash)),
    row("geopos", Group::Geo, "3.2.0", -2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs("Tell the longitude and latitude of members.", "O(1) each")
        .syntax("key [member [member ...]]")
        .runs(Route::Keys, Store(super::super::geo::geopos)),
    row("georadius", Group::Geo, "3.2.0", -6)
        .flags(&[WRITE, DENYOOM])
        .keys(&[
            at(1, &[RO, ACCESS]),
            after(
                "STORE",
                6,
                Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
                &[OW, UPDATE],
            ),
            after(
                "STOREDIST",
                6,
                Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
                &[OW, UPDATE],
            ),
        ])
        .own_keys(keys::georadius)
        .deprecated("6.2.0", "GEOSEARCH or GEOSEARCHSTORE with BYRADIUS")
        .docs(
            "Find members around a point, with the option to store them.",
            "O(N + log M) for N members in the area's box, M in all",
        )
        .syntax(
            "key longitude latitude radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] \
             [WITHHASH] [COUNT count [ANY]] [ASC|DESC] [STORE key|STOREDIST key]",
        )
        .runs(Route::Keys, Store(super::super::geo::georadius)),
    row("georadiusbymember", Group::Geo, "3.2.0", -5)
        .flags(&[WRITE, DENYOOM])
        .keys(&[
            at(1, &[RO, ACCESS]),
            after(
                "STORE",
                5,
                Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
                &[OW, UPDATE],
            ),
            after(
                "STOREDIST",
                5,
                Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
                &[OW, UPDATE],
            ),
        ])
        .own_keys(keys::georadiusbymember)
        .deprecated(
            "6.2.0",
            "GEOSEARCH or GEOSEARCHSTORE with BYRADIUS and FROMMEMBER",
        )
        .docs(
            "Find members around a member, with the option to store them.",
            "O(N + log M) for N members in the area's box, M in all",
        )
        .syntax(
            "key member radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT \
             count [ANY]] [ASC|DESC] [STORE key|STOREDIST key]",
        )
        .runs(Route::Keys, Store(super::super::geo::georadiusbymember)),
    row("georadiusbymember_ro", Group::Geo, "3.2.10", -5)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .deprecated("6.2.0", "GEOSEARCH with BYRADIUS and FROMMEMBER")
        .docs(
            "Find members around a member.",
            "O(N + log M) for N members in the area's box, M in all",
        )
        .syntax(
            "key member radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT \
             count [ANY]] [ASC|DESC]",
        )
        .runs(Route::Keys, Store(super::super::geo::georadiusbymember_ro)),
    row("georadius_ro", Group::Geo, "3.2.10", -6)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .deprecated("6.2.0", "GEOSEARCH with BYRADIUS")
        .docs(
            "Find members around a point.",
            "O(N + log M) for N members in the area's box, M in all",
        )
        .syntax(
            "key longitude latitude radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] \
             [WITHHASH] [COUNT count [ANY]] [ASC|DESC]",
        )
        .runs(Route::Keys, Store(super::super::geo::georadius_ro)),
    row("geosearch", Group::Geo, "6.2.0", -7)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Find members inside a circle or box.",
            "O(N + log M) for N members in the area's box, M in all",
        )
        .syntax(
            "key <FROMMEMBER member|FROMLONLAT longitude latitude> <BYRADIUS radius \
             <M|KM|FT|MI>|BYBOX width height <M|KM|FT|MI>|BYPOLYGON num-vertices longitude latitude \
             [longitude latitude ...]> [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
        )
        .runs(Route::Keys, Store(super::super::geo::geosearch)),
    row("geosearchstore", Group::Geo, "6.2.0", -8)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[OW, UPDATE]), at(2, &[RO, ACCESS])])
        .docs(
            "Find members inside a circle or box and store them.",
            "O(N + log M) for N members in the area's box, M in all",
        )
        .syntax(
            "destination source <FROMMEMBER member|FROMLONLAT longitude latitude> \
             <BYRADIUS radius <M|KM|FT|MI>|BYBOX width height <M|KM|FT|MI>|BYPOLYGON num-vertices \
             longitude latitude [longitude latitude ...]> [ASC|DESC] [COUNT count [ANY]] [STOREDIST]",
        )
        .runs(Route::Keys, Store(super::super::geo::geosearchstore)),
];
