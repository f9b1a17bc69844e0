//! GEOSEARCH, GEORADIUS and their relatives: members in an area, to reply or to store.
//!
//! An area is covered by at most nine cells (`base::geo::cover`); a cell is a range of scores, whose members are then
//! measured one by one.

use std::cmp::Ordering;

use super::{Result, point, reply_distance, reply_point, unit};
use crate::base::geo::{Area, Point, Shape, cover};
use crate::base::{parse_f64, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::command::sorted_set::{limits, reply_member, store};
use crate::resp::{Args, CommandError, Reply};
use crate::types::{Item, ScoreRange, Zset};

/// Finds members in a circle or a box.
pub fn geosearch(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    search(cx, args, Command::Search)
}

/// Stores members in a circle or a box.
pub fn geosearchstore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    search(cx, args, Command::SearchStore)
}

/// Finds or stores members around a place.
pub fn georadius(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    search(cx, args, Command::Radius { may_store: true })
}

/// Finds members around a place.
pub fn georadius_ro(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    search(cx, args, Command::Radius { may_store: false })
}

/// Finds or stores members around a member.
pub fn georadiusbymember(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    search(cx, args, Command::RadiusByMember { may_store: true })
}

/// Finds members around a member.
pub fn georadiusbymember_ro(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    search(cx, args, Command::RadiusByMember { may_store: false })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Command {
    Radius { may_store: bool },
    RadiusByMember { may_store: bool },
    Search,
    SearchStore,
}

impl Command {
    /// The argument number of the key to search.
    fn source(self) -> usize {
        match self {
            Command::SearchStore => 2,
            Command::Radius { .. } | Command::RadiusByMember { .. } | Command::Search => 1,
        }
    }

    fn is_search(self) -> bool {
        matches!(self, Command::Search | Command::SearchStore)
    }

    fn stores_by_option(self) -> bool {
        matches!(
            self,
            Command::Radius { may_store: true } | Command::RadiusByMember { may_store: true }
        )
    }
}

fn search(cx: &mut Ctx<'_>, args: Args<'_>, command: Command) -> Result {
    let zset = cx.db.read::<Zset>(args.arg(command.source()))?;
    let query = Query::parse(args, command, zset)?;
    let found = match (zset, query.area()) {
        (Some(zset), Some(area)) => query.run(zset, &area),
        _ => Vec::new(),
    };
    let Some(destination) = query.destination else {
        cx.reply.array(found.len());
        for found in &found {
            query.reply(&mut cx.reply, found);
        }
        return Ok(Flow::Done);
    };
    let mut pairs: Vec<(Vec<u8>, f64)> = found
        .iter()
        .map(|found| match query.stores_distance {
            true => (found.member.to_vec(), found.distance / query.metres),
            false => (found.member.to_vec(), found.score),
        })
        .collect();
    pairs.sort_unstable_by(|a, b| {
        let by_score = a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal);
        by_score.then_with(|| a.0.cmp(&b.0))
    });
    let zset = Zset::from_sorted(&pairs, limits(cx.config));
    let event = match command.is_search() {
        true => "geosearchstore",
        false => "georadiusstore",
    };
    store(cx, destination, zset, event, pairs.len() as u64);
    Ok(Flow::Done)
}

/// A member inside of the area.
struct Found<'a> {
    member: Item<'a>,
    score: f64,
    place: Point,
    /// Metres from the middle.
    distance: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// What a call asks for.
#[derive(Default)]
struct Query<'a> {
    /// Not known if the member that is the middle is looked for in a key that is not there.
    center: Option<Point>,
    /// Of lengths in metres.
    shape: Option<Shape>,
    /// The middle is that of the corners.
    polygon: bool,
    /// Metres in the unit of lengths.
    metres: f64,
    with_distance: bool,
    with_score: bool,
    with_place: bool,
    order: Option<Order>,
    /// 0 means all.
    count: usize,
    /// The first that are found will do, rather than the nearest.
    any: bool,
    destination: Option<&'a [u8]>,
    stores_distance: bool,
}

impl<'a> Query<'a> {
    fn parse(args: Args<'a>, command: Command, zset: Option<&Zset>) -> Result<Query<'a>> {
        let mut query = Query {
            metres: 1.0,
            ..Query::default()
        };
        let options = match command {
            Command::Radius { .. } => {
                query.center = Some(point(args, 2)?);
                query.set_circle(args, 4)?;
                6
            }
            Command::RadiusByMember { .. } => {
                if let Some(zset) = zset {
                    query.center = Some(place_of(zset, args.arg(2))?);
                    query.set_circle(args, 3)?;
                }
                5
            }
            Command::Search => 2,
            Command::SearchStore => {
                query.destination = Some(args.arg(1));
                3
            }
        };
        query.parse_options(args, options, command, zset)?;
        Ok(query)
    }

    fn parse_options(
        &mut self,
        args: Args<'a>,
        options: usize,
        command: Command,
        zset: Option<&Zset>,
    ) -> Result<()> {
        let is_search = command.is_search();
        let (mut by_member, mut by_place) = (false, false);
        let (mut by_radius, mut by_box) = (false, false);
        let mut at = options;
        while at < args.len() {
            // Arguments behind this one.
            let behind = args.len() - at - 1;
            let mut values = 0;
            if args.is(at, "WITHDIST") {
                self.with_distance = true;
            } else if args.is(at, "WITHHASH") {
                self.with_score = true;
            } else if args.is(at, "WITHCOORD") {
                self.with_place = true;
            } else if args.is(at, "ANY") {
                self.any = true;
            } else if args.is(at, "ASC") {
                self.order = Some(Order::Ascending);
            } else if args.is(at, "DESC") {
                self.order = Some(Order::Descending);
            } else if args.is(at, "COUNT") && behind >= 1 {
                let count = parse_i64(args.arg(at + 1)).ok_or(CommandError::NOT_INTEGER)?;
                let count = usize::try_from(count).unwrap_or(0);
                if count == 0 {
                    return Err(CommandError::XAUTOCLAIM_COUNT);
                }
                self.count = count;
                values = 1;
            } else if command.stores_by_option() && args.is(at, "STORE") && behind >= 1 {
                self.destination = Some(args.arg(at + 1));
                self.stores_distance = false;
                values = 1;
            } else if command.stores_by_option() && args.is(at, "STOREDIST") && behind >= 1 {
                self.destination = Some(args.arg(at + 1));
                self.stores_distance = true;
                values = 1;
            } else if is_search
                && args.is(at, "FROMMEMBER")
                && behind >= 1
                && !(by_place || self.polygon)
            {
                if let Some(zset) = zset {
                    self.center = Some(place_of(zset, args.arg(at + 1))?);
                }
                by_member = true;
                values = 1;
            } else if is_search
                && args.is(at, "FROMLONLAT")
                && behind >= 2
                && !(by_member || self.polygon)
            {
                self.center = Some(point(args, at + 1)?);
                by_place = true;
                values = 2;
            } else if is_search
                && args.is(at, "BYRADIUS")
                && behind >= 2
                && !(by_box || self.polygon)
            {
                self.set_circle(args, at + 1)?;
                by_radius = true;
                values = 2;
            } else if is_search
                && args.is(at, "BYBOX")
                && behind >= 3
                && !(by_radius || self.polygon)
            {
                self.set_box(args, at + 1)?;
                by_box = true;
                values = 3;
            } else if is_search
                && args.is(at, "BYPOLYGON")
                && behind >= 1
                && !(by_radius || by_box || by_member || by_place)
            {
                values = 1 + 2 * self.set_polygon(args, at + 1)?;
            } else if command == Command::SearchStore && args.is(at, "STOREDIST") {
                self.stores_distance = true;
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 1 + values;
        }
        if self.destination.is_some() && (self.with_distance || self.with_score || self.with_place)
        {
            return Err(match command {
                Command::SearchStore => CommandError::GEOSEARCHSTORE_WITH,
                _ => CommandError::GEORADIUS_STORE_WITH,
            });
        }
        if is_search && !(by_member || by_place || self.polygon) {
            let options = "FROMMEMBER or FROMLONLAT";
            return Err(CommandError::exactly_one_of(options, args.arg(0)));
        }
        if is_search && !(by_radius || by_box || self.polygon) {
            let options = "BYRADIUS and BYBOX";
            return Err(CommandError::exactly_one_of(options, args.arg(0)));
        }
        if self.any && self.count == 0 {
            return Err(CommandError::GEO_ANY);
        }
        Ok(())
    }

    /// A radius and its unit.
    fn set_circle(&mut self, args: Args<'_>, at: usize) -> Result<()> {
        let radius = parse_f64(args.arg(at)).ok_or(CommandError::GEO_RADIUS)?;
        if radius < 0.0 {
            return Err(CommandError::GEO_RADIUS_NEGATIVE);
        }
        self.metres = unit(args.arg(at + 1))?;
        self.shape = Some(Shape::Circle {
            radius: radius * self.metres,
        });
        Ok(())
    }

    /// A width, a height, and their unit.
    fn set_box(&mut self, args: Args<'_>, at: usize) -> Result<()> {
        let width = parse_f64(args.arg(at)).ok_or(CommandError::GEO_WIDTH)?;
        let height = parse_f64(args.arg(at + 1)).ok_or(CommandError::GEO_HEIGHT)?;
        if width < 0.0 || height < 0.0 {
            return Err(CommandError::GEO_BOX_NEGATIVE);
        }
        self.metres = unit(args.arg(at + 2))?;
        self.shape = Some(Shape::Box {
            width: width * self.metres,
            height: height * self.metres,
        });
        Ok(())
    }

    /// A number of corners, and where they are. Returns how many.
    fn set_polygon(&mut self, args: Args<'_>, at: usize) -> Result<usize> {
        let count = parse_i64(args.arg(at)).ok_or(CommandError::NOT_INTEGER)?;
        let count = usize::try_from(count).unwrap_or(0);
        let there = (args.len() - at - 1) / 2;
        if count < 3 || count > there {
            return Err(CommandError::GEO_POLYGON);
        }
        let corners = (0..count).map(|corner| point(args, at + 1 + 2 * corner));
        let area = Area::polygon(corners.collect::<Result<_>>()?);
        (self.center, self.shape, self.polygon) = (Some(area.center), Some(area.shape), true);
        Ok(count)
    }

    fn area(&self) -> Option<Area> {
        Some(Area {
            center: self.center?,
            shape: self.shape.clone()?,
        })
    }

    /// The members in the area, ordered and cut as asked.
    fn run<'z>(&self, zset: &'z Zset, area: &Area) -> Vec<Found<'z>> {
        let enough = match self.any {
            true => self.count,
            false => usize::MAX,
        };
        let mut all = Vec::new();
        'cells: for cell in cover(area) {
            let (from, to) = cell.scores();
            let ranks = zset.ranks_by_score(&ScoreRange::half_open(from, to));
            for (member, score) in zset.range(ranks) {
                let place = Point::from_score(score);
                let Some(distance) = area.distance(place) else {
                    continue;
                };
                all.push(Found {
                    member,
                    score,
                    place,
                    distance,
                });
                if all.len() >= enough {
                    break 'cells;
                }
            }
        }
        // Some of many, without a word about which: the nearest.
        let order = match self.order {
            None if self.count > 0 && !self.any => Some(Order::Ascending),
            order => order,
        };
        let by_distance = |one: &Found<'_>, other: &Found<'_>| {
            let order = one.distance.partial_cmp(&other.distance);
            order.unwrap_or(Ordering::Equal)
        };
        match order {
            Some(Order::Ascending) => all.sort_by(by_distance),
            Some(Order::Descending) => all.sort_by(|one, other| by_distance(other, one)),
            None => {}
        }
        if self.count > 0 {
            all.truncate(self.count);
        }
        all
    }

    fn reply(&self, reply: &mut Reply<'_>, found: &Found<'_>) {
        let options = [self.with_distance, self.with_score, self.with_place];
        let extras = options.iter().filter(|is_on| **is_on).count();
        if extras > 0 {
            reply.array(extras + 1);
        }
        reply_member(reply, found.member);
        if self.with_distance {
            reply_distance(reply, found.distance / self.metres);
        }
        if self.with_score {
            reply.integer(found.score as i64);
        }
        if self.with_place {
            reply_point(reply, found.place);
        }
    }
}

fn place_of(zset: &Zset, member: &[u8]) -> Result<Point> {
    let score = zset.score(member).ok_or(CommandError::GEO_NO_MEMBER)?;
    Ok(Point::from_score(score))
}
