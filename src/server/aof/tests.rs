//! The writer over a disk that fails whenever it likes, and a machine that loses its power. For each kind of fault there is a
//! writer that overlooks it, which the test has to notice.

use super::disk::{Disk, Times};
use super::folder::Folder;
use super::writer::{SYNC_EVERY_US, Switch, Writer};
use crate::base::Rng;
use crate::config::AppendFsync;
use crate::log::Taken;
use crate::persist::aof::{BaseFormat, Manifest};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A file: as the process sees it, and as it is on the platter.
#[derive(Default, Clone)]
struct Inode {
    content: Vec<u8>,
    durable: Vec<u8>,
    /// Written and not synced, from here on.
    dirty: Option<usize>,
}

type File = Rc<RefCell<Inode>>;

#[derive(Default)]
struct State {
    names: BTreeMap<PathBuf, File>,
    durable_names: BTreeMap<PathBuf, File>,
    /// One in so many operations fails; 0 for none.
    one_in: usize,
    is_full: bool,
    /// As if every sync failed.
    fails_syncs: bool,
    /// The next write is the last for which there is room.
    fills_up: bool,
    /// A folder in which nothing can be opened any more.
    lost: Option<PathBuf>,
    /// What the writer is made to overlook.
    overlooks: Overlooked,
}

/// A fault that the writer does not see, as if it did not look for it: what a test that looks for the fault must notice.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Overlooked {
    #[default]
    Nothing,
    /// Only some of the bytes were written.
    ShortWrites,
    /// Nothing was: the disk is full.
    Full,
    /// Nothing was: the disk is broken.
    Broken,
    /// The kernel has dropped what it could not write.
    FailedSyncs,
    /// Nobody asked for what was written to be on the disk.
    NoSyncs,
    /// The new name of a file is not on the disk: the old one comes back.
    LostNames,
    /// The block that is torn holds some of what was synced, too.
    TornEnds,
}

/// A disk in memory.
#[derive(Clone)]
struct Faulty {
    state: Rc<RefCell<State>>,
    rng: Rc<RefCell<Rng>>,
}

impl Faulty {
    fn new(seed: u64) -> Faulty {
        Faulty {
            state: Rc::default(),
            rng: Rc::new(RefCell::new(Rng::new(seed))),
        }
    }

    fn index(&self, bound: usize) -> usize {
        self.rng.borrow_mut().index(bound)
    }

    fn strike(&self) -> io::Result<()> {
        let one_in = self.state.borrow().one_in;
        match one_in > 0 && self.index(one_in) == 0 {
            true => Err(io::Error::from_raw_os_error(libc::EIO)),
            false => Ok(()),
        }
    }

    /// What is there after a power cut: names that were synced, or perhaps later ones; contents that were synced, and
    /// some of what came behind.
    fn crash(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state.borrow();
        let names = match self.index(2) {
            0 => &state.names,
            _ => &state.durable_names,
        };
        let content = |file: &File| {
            let inode = file.borrow();
            let mut bytes = inode.durable.clone();
            let behind = inode.content.get(bytes.len()..).unwrap_or_default();
            let some = self.index(behind.len() + 1);
            bytes.extend_from_slice(&behind[..some]);
            // In what was not synced there may be anything.
            if some > 0 && self.index(2) == 0 {
                let torn = match state.overlooks {
                    Overlooked::TornEnds => bytes.len(),
                    _ => some,
                };
                let from = bytes.len() - 1 - self.index(torn);
                bytes[from..].fill(b'!');
            }
            bytes
        };
        let files = names.iter();
        files
            .map(|(name, file)| (name.clone(), content(file)))
            .collect()
    }

    fn put(&self, path: &Path, bytes: &[u8]) {
        let inode = Inode {
            content: bytes.to_vec(),
            durable: bytes.to_vec(),
            dirty: None,
        };
        let mut state = self.state.borrow_mut();
        state
            .names
            .insert(path.into(), Rc::new(RefCell::new(inode)));
    }
}

impl Disk for Faulty {
    type File = File;

    fn make_folder(&mut self, _: &Path) -> io::Result<()> {
        self.strike()
    }

    fn open(&mut self, path: &Path) -> io::Result<(File, u64)> {
        self.strike()?;
        let mut state = self.state.borrow_mut();
        if path.parent() == state.lost.as_deref() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = state.names.entry(path.into()).or_default();
        let length = file.borrow().content.len() as u64;
        Ok((Rc::clone(file), length))
    }

    fn write(&mut self, file: &mut File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if let Err(error) = self.strike() {
            return match self.state.borrow().overlooks {
                Overlooked::Broken => Ok(bytes.len()),
                _ => Err(error),
            };
        }
        let overlooks = self.state.borrow().overlooks;
        let (offset, some) = (offset as usize, 1 + self.index(bytes.len()));
        if self.state.borrow().is_full {
            return match overlooks {
                Overlooked::Full => Ok(bytes.len()),
                _ => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            };
        }
        let mut inode = file.borrow_mut();
        let length = inode.content.len().max(offset + some);
        inode.content.resize(length, 0);
        inode.content[offset..offset + some].copy_from_slice(&bytes[..some]);
        inode.dirty = Some(inode.dirty.map_or(offset, |dirty| dirty.min(offset)));
        let fills_up = self.state.borrow().fills_up;
        self.state.borrow_mut().is_full |= fills_up;
        match overlooks {
            Overlooked::ShortWrites => Ok(bytes.len()),
            _ => Ok(some),
        }
    }

    fn truncate(&mut self, file: &mut File, length: u64) -> io::Result<()> {
        self.strike()?;
        let mut inode = file.borrow_mut();
        inode.content.truncate(length as usize);
        inode.durable.truncate(length as usize);
        Ok(())
    }

    fn sync(&mut self, file: &mut File) -> io::Result<()> {
        let fails = self.strike().is_err() || self.state.borrow().fails_syncs;
        let overlooks = self.state.borrow().overlooks;
        if overlooks == Overlooked::NoSyncs {
            return Ok(());
        }
        let mut inode = file.borrow_mut();
        let dirty = inode.dirty.take();
        if let Some(from) = dirty {
            let length = inode.content.len();
            if fails {
                // The kernel forgets that these were to be written.
                inode.durable.resize(length, b'?');
                inode.durable[from..].fill(b'?');
                return match overlooks {
                    Overlooked::FailedSyncs => Ok(()),
                    _ => Err(io::Error::from_raw_os_error(libc::EIO)),
                };
            }
            let new = inode.content[from..].to_vec();
            inode.durable.resize(length, b'?');
            inode.durable[from..].copy_from_slice(&new);
        }
        match fails {
            true => Err(io::Error::from_raw_os_error(libc::EIO)),
            false => Ok(()),
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.strike()?;
        let mut state = self.state.borrow_mut();
        let file = state.names.remove(from);
        let file = file.ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        state.names.insert(to.into(), file);
        Ok(())
    }

    fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.strike()?;
        let mut state = self.state.borrow_mut();
        let file = state.names.get(from).map(Rc::clone);
        let file = file.ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        assert!(!state.names.contains_key(to), "{to:?} is there already");
        let file = match self.index(2) {
            0 => file,
            _ => {
                let content = file.borrow().content.clone();
                Rc::new(RefCell::new(Inode {
                    durable: content.clone(),
                    content,
                    dirty: None,
                }))
            }
        };
        state.names.insert(to.into(), file);
        Ok(())
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.strike()?;
        let removed = self.state.borrow_mut().names.remove(path);
        removed.map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&mut self, _: &Path) -> io::Result<()> {
        self.strike()?;
        let mut state = self.state.borrow_mut();
        if state.overlooks != Overlooked::LostNames {
            state.durable_names = state.names.clone();
        }
        Ok(())
    }

    fn length(&mut self, path: &Path) -> io::Result<u64> {
        self.strike()?;
        let state = self.state.borrow();
        let file = state.names.get(path);
        let file = file.ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        Ok(file.borrow().content.len() as u64)
    }
}

const STEM: &str = "a";

fn writer(disk: &Faulty, policy: AppendFsync) -> Writer<Faulty> {
    let folder = Folder::new("d".into(), STEM.into(), Manifest::default());
    let mut writer = Writer::new(disk.clone(), folder, policy);
    writer.open().unwrap();
    writer
}

/// What a server that starts after the crash reads.
fn read_back(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<u8> {
    read_back_from("d", files).expect("there is a manifest")
}

/// As that, from one of several folders; `None` if nothing ever was there.
fn read_back_from(folder: &str, files: &BTreeMap<PathBuf, Vec<u8>>) -> Option<Vec<u8>> {
    let folder = Path::new(folder);
    let manifest = files.get(&folder.join("a.manifest"))?;
    let manifest = Manifest::parse(manifest).unwrap();
    let files = manifest.to_load().map(|info| {
        let name = folder.join(info.path());
        let file = files.get(&name);
        file.unwrap_or_else(|| panic!("the manifest names {}, which is not there", name.display()))
    });
    Some(files.flatten().copied().collect())
}

/// The folder there is, as somebody finds it who looks at the disk.
fn found(folder: &str, disk: &Faulty) -> Folder {
    let state = disk.state.borrow();
    let file = state.names.get(&Path::new(folder).join("a.manifest"));
    let manifest = file.map(|file| Manifest::parse(&file.borrow().content).unwrap());
    Folder::new(folder.into(), STEM.into(), manifest.unwrap_or_default())
}

fn piece(all: &mut Vec<u8>, rng: &mut Rng) -> Taken {
    let start = all.len() as u64;
    let count = rng.index(40);
    let bytes: Vec<u8> = (0..count).map(|_| b'a' + rng.index(26) as u8).collect();
    all.extend_from_slice(&bytes);
    Taken {
        start,
        bytes,
        ..Taken::default()
    }
}

/// Writes over a disk that fails and looks after each of some crashes whether what was said to be on it is there.
fn write_and_crash(overlooks: Overlooked) {
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let disk = Faulty::new(seed ^ 0x55);
        let policy = match seed % 3 {
            0 => AppendFsync::Everysec,
            _ => AppendFsync::Always,
        };
        let mut writer = writer(&disk, policy);
        disk.state.borrow_mut().overlooks = overlooks;
        let (mut all, mut now_us, mut rewrite) = (Vec::new(), 1, None);
        // The folder of the settings, the one that is written to, and the one before.
        let (mut wanted, mut home, mut before) = ("d", "d", "d");
        for step in 0..120 {
            if rng.index(20) == 0 {
                let mut state = disk.state.borrow_mut();
                state.one_in = [0, 0, 3, 20][rng.index(4)];
                state.is_full = rng.index(4) == 0;
            }
            now_us += rng.below(300_000);
            let mut taken = piece(&mut all, &mut rng);
            let mut mark = None;
            if rewrite.is_none() && rng.index(15) == 0 {
                let at = taken.start + rng.below(taken.bytes.len() as u64 + 1);
                taken.marks.push((at, 2));
                mark = Some(at);
            }
            let mut failed = false;
            writer.accept(
                &mut taken,
                |_| Switch::Next,
                |_, result| failed = result.is_err(),
            );
            rewrite = mark.filter(|_| !failed).or(rewrite);
            writer.work(now_us, true);
            if let Some(at) = rewrite
                && rng.index(4) == 0
            {
                rewrite = None;
                let base = Path::new(wanted).join("base");
                disk.put(&base, &all[..at as usize]);
                if wanted == home {
                    let _ = writer.new_base(&base, BaseFormat::Commands);
                } else {
                    let there = found(wanted, &disk);
                    let moved = writer.new_base_in(there, &base, BaseFormat::Commands);
                    if moved.is_ok() {
                        (before, home) = (home, wanted);
                    }
                }
            }
            if rewrite.is_none() && rng.index(30) == 0 {
                wanted = ["d", "e"][rng.index(2)];
            }
            if rng.index(8) == 0 {
                let synced = writer.synced() as usize;
                let files = disk.crash();
                let back = read_back_from(home, &files).filter(|back| back.len() >= synced);
                // While the new manifest is not on the disk the old one is as good.
                let back = back.or_else(|| read_back_from(before, &files));
                let back = back.unwrap();
                assert!(back.len() >= synced, "seed {seed}, step {step}: too short");
                assert!(
                    // A failed sync loses what it was about, unless replies had waited for it.
                    back[..synced] == all[..synced] || policy != AppendFsync::Always,
                    "seed {seed}, step {step}: lost"
                );
            }
        }
        // The disk works again: so does the writer, without a restart.
        {
            let mut state = disk.state.borrow_mut();
            (state.one_in, state.is_full) = (0, false);
        }
        writer.work(now_us + 10_000_000, true);
        assert!(writer.failure().is_none(), "seed {seed}");
        assert_eq!(writer.synced(), all.len() as u64, "seed {seed}");
        if policy == AppendFsync::Always {
            let files = disk.crash();
            let is_there = |folder| read_back_from(folder, &files).is_some_and(|back| back == all);
            assert!(is_there(home) || is_there(before), "seed {seed}");
        }
    }
}

/// Whoever starts in the old folder finds what there was when the rewrite began, and writes on nothing of the new one.
#[test]
fn a_base_in_another_folder_takes_everything_with_it() {
    for seed in 0..10 {
        let disk = Faulty::new(seed);
        let mut writer = writer(&disk, AppendFsync::Always);
        let mut taken = Taken {
            bytes: b"onetwo".to_vec(),
            marks: vec![(3, 2)],
            ..Taken::default()
        };
        writer.accept(&mut taken, |_| Switch::Next, |_, result| result.unwrap());
        writer.work(1, true);
        disk.put(Path::new("e/base"), b"ONE");
        let name = writer
            .new_base_in(found("e", &disk), Path::new("e/base"), BaseFormat::Commands)
            .unwrap();
        assert_eq!(name, "a.1.base.aof");
        accept(&mut writer, 6, b"three");
        writer.work(2, true);
        let files = disk.crash();
        assert_eq!(read_back_from("e", &files).unwrap(), b"ONEtwothree");
        assert_eq!(read_back_from("d", &files).unwrap(), b"one");
        let is_there = |name| disk.state.borrow().names.contains_key(Path::new(name));
        assert!(!is_there("d/a.2.incr.aof"));
        // And back, where what was left is history.
        let mut taken = Taken {
            start: 11,
            bytes: b"four".to_vec(),
            marks: vec![(11, 4)],
            ..Taken::default()
        };
        writer.accept(&mut taken, |_| Switch::Next, |_, result| result.unwrap());
        disk.put(Path::new("d/base"), b"THREE");
        let back = found("d", &disk);
        writer
            .new_base_in(back, Path::new("d/base"), BaseFormat::Commands)
            .unwrap();
        writer.work(3, true);
        assert_eq!(read_back(&disk.crash()), b"THREEfour");
        assert!(!is_there("d/a.1.incr.aof"));
    }
}

/// The folder was renamed, and the settings say so: nothing can be begun where it was, and all goes on where it is.
#[test]
fn a_folder_that_was_moved_is_followed_with_the_next_rewrite() {
    let disk = Faulty::new(1);
    let mut writer = writer(&disk, AppendFsync::Always);
    accept(&mut writer, 0, b"one");
    writer.work(1, true);
    {
        let mut state = disk.state.borrow_mut();
        let names = std::mem::take(&mut state.names).into_iter();
        state.names = names
            .map(|(name, file)| (Path::new("e").join(name.file_name().unwrap()), file))
            .collect();
        state.durable_names = state.names.clone();
        state.lost = Some("d".into());
    }
    writer.set_successor(Some(found("e", &disk)));
    let mut taken = Taken {
        start: 3,
        bytes: b"twosix".to_vec(),
        marks: vec![(6, 2)],
        ..Taken::default()
    };
    writer.accept(&mut taken, |_| Switch::Next, |_, result| result.unwrap());
    writer.work(2, true);
    assert!(!writer.is_waiting());
    assert_eq!(writer.synced(), 9);
    let files = disk.crash();
    assert_eq!(read_back_from("e", &files).unwrap(), b"onetwosix");
    disk.put(Path::new("e/base"), b"ONETWO");
    writer
        .new_base(Path::new("e/base"), BaseFormat::Commands)
        .unwrap();
    assert_eq!(read_back_from("e", &disk.crash()).unwrap(), b"ONETWOsix");
}

/// The folder is gone, and the settings name another.
#[test]
fn a_folder_that_has_gone_is_left_with_the_next_rewrite() {
    let disk = Faulty::new(1);
    let folder = Folder::new("e".into(), STEM.into(), Manifest::default());
    let mut writer = writer(&disk, AppendFsync::Always);
    writer.set_successor(Some(folder));
    disk.state.borrow_mut().lost = Some("d".into());
    let mut taken = Taken {
        bytes: b"onetwo".to_vec(),
        marks: vec![(3, 2)],
        ..Taken::default()
    };
    writer.accept(&mut taken, |_| Switch::Next, |_, result| result.unwrap());
    writer.work(1, true);
    assert!(writer.is_waiting());
    disk.put(Path::new("e/base"), b"ONE");
    writer
        .new_base(Path::new("e/base"), BaseFormat::Commands)
        .unwrap();
    assert_eq!(read_back_from("e", &disk.crash()).unwrap(), b"ONEtwo");
}

#[test]
fn what_is_said_to_be_on_the_disk_is_there_after_a_crash() {
    write_and_crash(Overlooked::Nothing);
}

#[test]
fn a_writer_that_overlooks_a_fault_is_found_out() {
    for overlooks in [
        Overlooked::ShortWrites,
        Overlooked::Full,
        Overlooked::Broken,
        Overlooked::FailedSyncs,
        Overlooked::NoSyncs,
        Overlooked::LostNames,
        Overlooked::TornEnds,
    ] {
        let found = std::panic::catch_unwind(|| write_and_crash(overlooks));
        assert!(found.is_err(), "{overlooks:?} goes unnoticed");
    }
}

#[test]
fn a_full_disk_is_reported_and_what_was_not_written_is_kept() {
    let disk = Faulty::new(1);
    let mut writer = writer(&disk, AppendFsync::Everysec);
    disk.state.borrow_mut().is_full = true;
    let mut taken = Taken {
        bytes: b"abc".to_vec(),
        ..Taken::default()
    };
    writer.accept(&mut taken, |_| Switch::Nothing, |_, _| {});
    writer.work(1, true);
    assert_eq!(
        writer.failure().map(|failure| failure.errno),
        Some(libc::ENOSPC)
    );
    assert_eq!(writer.unwritten_bytes(), 3);
    disk.state.borrow_mut().is_full = false;
    writer.work(2, true);
    assert!(writer.failure().is_some(), "not at once again");
    writer.work(1_000_000, true);
    assert!(writer.failure().is_none());
    assert_eq!((writer.unwritten_bytes(), writer.synced()), (0, 3));
}

/// Has `writer` accept this stretch of the log.
fn accept(writer: &mut Writer<Faulty>, start: u64, text: &[u8]) {
    let mut taken = Taken {
        start,
        bytes: text.to_vec(),
        ..Taken::default()
    };
    writer.accept(&mut taken, |_| Switch::Nothing, |_, _| {});
}

#[test]
fn a_full_disk_leaves_no_half_commands() {
    let mut halves = 0;
    for seed in 0..20 {
        let disk = Faulty::new(seed);
        let mut writer = writer(&disk, AppendFsync::Everysec);
        accept(&mut writer, 0, b"one");
        writer.work(1, true);
        disk.state.borrow_mut().fills_up = true;
        accept(&mut writer, 3, b"two");
        writer.work(2, true);
        let content = |name| {
            disk.state.borrow().names[Path::new(name)]
                .borrow()
                .content
                .clone()
        };
        if writer.failure().is_some() {
            halves += 1;
            assert_eq!(content("d/a.1.incr.aof"), b"one", "seed {seed}");
        }
        disk.state.borrow_mut().fills_up = false;
        disk.state.borrow_mut().is_full = false;
        writer.work(10_000_000, true);
        assert_eq!(content("d/a.1.incr.aof"), b"onetwo", "seed {seed}");
    }
    assert!(halves > 0);
}

/// What `everysec` wrote is not kept. When `always` finds out that the disk has failed it writes again what it has kept,
/// behind that, and has all written anew.
#[test]
fn a_sync_that_fails_after_everysec_takes_back_only_what_is_kept() {
    let disk = Faulty::new(4);
    let mut writer = writer(&disk, AppendFsync::Everysec);
    writer.work(SYNC_EVERY_US, true);
    accept(&mut writer, 0, b"one");
    writer.work(SYNC_EVERY_US, true);
    accept(&mut writer, 3, b"two");
    writer.work(SYNC_EVERY_US + 1, true);
    assert_eq!(writer.synced(), 3);
    writer.set_policy(AppendFsync::Always);
    accept(&mut writer, 6, b"six");
    disk.state.borrow_mut().fails_syncs = true;
    writer.work(SYNC_EVERY_US + 2, true);
    assert!(writer.failure().is_some());
    disk.state.borrow_mut().fails_syncs = false;
    writer.work(10_000_000, true);
    let state = disk.state.borrow();
    let file = &state.names[Path::new("d/a.1.incr.aof")];
    assert_eq!(file.borrow().content, b"onetwosix");
    assert_eq!(writer.synced(), 9);
    drop(state);
    assert!(writer.take_suspicion());
}

#[test]
fn seconds_become_lines_before_what_happened_in_them() {
    let disk = Faulty::new(2);
    let mut writer = writer(&disk, AppendFsync::Always);
    let mut taken = Taken {
        bytes: b"oldnewer".to_vec(),
        seconds: vec![(0, 5), (3, 6), (6, 7)],
        marks: vec![(3, 2)],
        ..Taken::default()
    };
    writer.accept(&mut taken, |_| Switch::Next, |_, result| result.unwrap());
    writer.work(1, true);
    assert_eq!(
        String::from_utf8(read_back(&disk.crash())).unwrap(),
        "#TS:5\r\nold#TS:6\r\nnew#TS:7\r\ner"
    );
    assert_eq!(writer.synced(), 8);
    let files = disk.crash();
    assert_eq!(files[Path::new("d/a.1.incr.aof")], b"#TS:5\r\nold");
}

#[test]
fn an_increment_whose_base_does_not_come_is_removed() {
    let disk = Faulty::new(3);
    let folder = Folder::new("d".into(), STEM.into(), Manifest::default());
    let mut writer = Writer::new(disk.clone(), folder, AppendFsync::Always);
    let accept = |writer: &mut Writer<Faulty>, bytes: &[u8], mark: u64| {
        let mut taken = Taken {
            bytes: bytes.to_vec(),
            marks: vec![(0, mark)],
            ..Taken::default()
        };
        writer.accept(&mut taken, |_| Switch::Begin, |_, result| result.unwrap());
        writer.work(1, true);
    };
    accept(&mut writer, b"first", 3);
    let temporary = Path::new("d/temp-a.incr");
    let is_there = || disk.state.borrow().names.contains_key(temporary);
    assert!(is_there());
    writer.drop_waiting();
    assert!(!is_there() && writer.is_waiting());
    accept(&mut writer, b"second", 5);
    disk.put(Path::new("d/base"), b"base");
    writer
        .new_base(Path::new("d/base"), BaseFormat::Rdb)
        .unwrap();
    assert_eq!(read_back(&disk.crash()), b"basesecond");
    // One that has its base stays.
    writer.drop_waiting();
    assert_eq!(read_back(&disk.crash()), b"basesecond");
}

#[test]
fn an_increment_that_waits_for_its_base_has_no_name_yet() {
    let disk = Faulty::new(3);
    let folder = Folder::new("d".into(), STEM.into(), Manifest::default());
    let mut writer = Writer::new(disk.clone(), folder, AppendFsync::Always);
    let mut taken = Taken {
        bytes: b"beforebehind".to_vec(),
        marks: vec![(6, 3)],
        ..Taken::default()
    };
    writer.accept(&mut taken, |_| Switch::Begin, |_, result| result.unwrap());
    writer.work(1, true);
    assert!(writer.is_on() && writer.is_waiting());
    assert!(!disk.crash().contains_key(Path::new("d/a.manifest")));
    disk.put(Path::new("d/base"), b"before");
    let name = writer
        .new_base(Path::new("d/base"), BaseFormat::Rdb)
        .unwrap();
    assert_eq!(name, "a.1.base.rdb");
    assert!(!writer.is_waiting());
    assert_eq!(read_back(&disk.crash()), b"beforebehind");
    writer.turn_off().unwrap();
    // While it is off a rewrite leaves a base alone.
    disk.put(Path::new("d/base"), b"later");
    writer
        .new_base(Path::new("d/base"), BaseFormat::Rdb)
        .unwrap();
    assert_eq!(read_back(&disk.crash()), b"later");
    // And the next increment has a number of its own.
    writer.open().unwrap();
    assert!(disk.crash().contains_key(Path::new("d/a.2.incr.aof")));
}

#[test]
fn steps_that_take_long_have_names() {
    let times = Times {
        write_us: 12_345,
        sync_us: 7_999,
        rename_us: 900,
    };
    let told = |is_saving, always| super::spikes(times, is_saving, always).collect::<Vec<_>>();
    assert_eq!(
        told(false, true),
        [
            ("aof-write", 12),
            ("aof-write-alone", 12),
            ("aof-fsync-always", 7),
            ("aof-rename", 0)
        ]
    );
    assert_eq!(told(true, false)[1], ("aof-write-active-child", 12));
    assert_eq!(told(true, false)[2].1, 0, "nobody waits for it");
}
